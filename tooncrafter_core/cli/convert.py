"""``convert IN OUT``: write a checkpoint as safetensors, whole or pruned, in any number format."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OutputError

if TYPE_CHECKING:
    from ..checkpoints import Checkpoint
    from ..config import ModelConfig, SketchEncoderConfig

DTYPES = {
    "fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "fp8": "float8_e4m3fn", "keep": None
}  # fmt: skip
"""torch's name of each choice."""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser("convert", help="write a checkpoint as .safetensors")
    parser.add_argument("input", help="a .ckpt or .safetensors file")
    parser.add_argument("output", help="the .safetensors file to write")
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        default="keep",
        help="number format of the weights; fp16 halves the published file (default: keep). "
        "fp8 only stores: it must be loaded in another format to compute",
    )
    parser.add_argument(
        "--pruned",
        action="store_true",
        help="leave out the text and image encoders, for use with separate files of them",
    )
    parser.add_argument(
        "--note", action="append", default=[], metavar="KEY=TEXT",
        help="keep a text with the weights, such as how they were trained; inspect shows it",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    return parser


def run(args: argparse.Namespace) -> int:
    """Convert one file; the result is read back and compared before it gets its name."""
    import torch

    from ..checkpoints import read_checkpoint, save_checkpoint

    output = Path(args.output)
    if output.exists() and not args.overwrite:
        raise OutputError(f"{output} exists. Choose another name, or add --overwrite.")
    notes = read_notes(args.note)
    source = read_checkpoint(args.input)
    chosen, config = choose_tensors(source, args.pruned)
    name = DTYPES[args.dtype]
    save_checkpoint(
        chosen,
        output,
        dtype=getattr(torch, name) if name else None,
        config=config,
        metadata={"tooncrafter.source": source.name, **notes},
        on_tensor=_show_progress if sys.stderr.isatty() else None,
    )
    print(
        f"{output}: {len(chosen)} tensors, {output.stat().st_size / 1e6:,.1f} MB, read back equal"
    )
    return 0


def read_notes(given: list[str]) -> dict[str, str]:
    """Metadata of notes ``KEY=TEXT``; ``OutputError`` for one that is something else."""
    notes = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise OutputError(f"--note takes KEY=TEXT, such as steps=2000; not '{text}'.")
        notes[f"tooncrafter.note.{key}"] = value
    return notes


def choose_tensors(
    source: "Checkpoint", pruned: bool
) -> tuple["Checkpoint", "ModelConfig | SketchEncoderConfig | None"]:
    """The part of a checkpoint to write, and its configuration (a sketch encoder's if stored).

    ``CheckpointError`` when the file is another model's or incomplete. SPEC section 0.
    """
    from dataclasses import replace

    from ..checkpoints import detect, is_sketch_encoder
    from ..checkpoints.keys import COMPONENT_KEYS, OPTIONAL
    from ..checkpoints.load import check_models
    from ..checkpoints.stored_config import stored_config
    from ..config import SketchEncoderConfig

    if is_sketch_encoder(source):
        if pruned:
            raise OutputError("A sketch encoder has nothing to leave out. Drop --pruned.")
        return source, stored_config(source.metadata, source.name, SketchEncoderConfig)
    config = detect(source)
    check_models(source, config)
    if not pruned:
        return source, config
    prefixes = tuple(COMPONENT_KEYS[component].prefix for component in OPTIONAL)
    kept = source.subset(key for key in source if not key.startswith(prefixes))
    return kept, replace(config, text_encoder=None, image_encoder=None)


def _show_progress(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    print(f"writing tensor {done} of {total}", end=end, file=sys.stderr)
