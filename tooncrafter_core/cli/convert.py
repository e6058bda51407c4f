"""``convert IN OUT``: write a checkpoint as safetensors, whole or pruned, in any number format."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.dtypes import COMPUTED, FP8, torch_dtype
from ..errors import OutputError, counted
from ..files import Place, check_places
from . import Commands

if TYPE_CHECKING:
    from ..checkpoints import Checkpoint
    from ..config.model import ModelConfig, SketchEncoderConfig

KEEP = "keep"

NUM_COLOUR_CLIPS, COLOUR_SEED = 24, 2_000_000
"""Drawn clips that colours of previews are fitted on, and the seed of their first."""


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser("convert", help="write a checkpoint as .safetensors")
    parser.add_argument("input", help="a .ckpt or .safetensors file")
    parser.add_argument("output", help="the .safetensors file to write")
    parser.add_argument(
        "--dtype",
        choices=(*COMPUTED, FP8, KEEP),
        default=KEEP,
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
    parser.add_argument(
        "--preview-colours",
        action="store_true",
        help="fit the colours in which ComfyUI previews this model's latents, on drawn clips, and "
        "keep them with the weights; for models with an autoencoder of their own",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    return parser


def run(args: argparse.Namespace) -> int:
    """Convert one file; the result is read back and compared before it gets its name."""
    from ..checkpoints import read_checkpoint, save_checkpoint
    from ..checkpoints.files.save import check_target

    output = Path(args.output)
    check_target(output)
    check_places([Place(option="OUT", at=args.output)], [args.input], args.overwrite)
    notes = read_notes(args.note)
    source = read_checkpoint(args.input)
    chosen, config = choose_tensors(source, args.pruned)
    colours = preview_colours(source, args.preview_colours)
    save_checkpoint(
        chosen,
        output,
        dtype=None if args.dtype == KEEP else torch_dtype(args.dtype),
        config=config,
        metadata={"tooncrafter.source": source.name, **notes, **colours},
        on_tensor=_show_progress if sys.stderr.isatty() else None,
    )
    print(
        f"{output}: {counted(len(chosen), 'tensor')}, {output.stat().st_size / 1e6:,.1f} MB, "
        "read back equal"
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


def preview_colours(source: "Checkpoint", is_fitted: bool) -> dict[str, str]:
    """Metadata with the colours of previews: fitted now, or those that the source has.

    ``ToonCrafterError`` for a file without an autoencoder, and without the renderer's packages.
    """
    from ..checkpoints.kept_texts import LATENT_RGB_KEY

    if not is_fitted:
        return {key: text for key, text in source.metadata.items() if key == LATENT_RGB_KEY}

    import torch
    from einops import rearrange

    from ..checkpoints import Component, build_network, detect, is_sketch_encoder, load_component
    from ..checkpoints.latent_colours import latent_rgb_factors, latent_rgb_metadata
    from ..data.procedural import render_clip
    from ..models.autoencoder.autoencoder import Autoencoder
    from ..pictures.levels import from_levels

    if is_sketch_encoder(source):
        raise OutputError("A sketch encoder makes no latents. Drop --preview-colours.")
    config = detect(source)
    network = build_network(Component.AUTOENCODER, config)
    load_component(network, source, Component.AUTOENCODER, dtype=torch.float32)
    if not isinstance(network, Autoencoder):
        raise TypeError(f"The autoencoder is a {type(network).__name__}.")
    # The two ends of each clip: those in between look like them.
    pictures = [
        frame for seed in range(NUM_COLOUR_CLIPS)
        for frame in render_clip(COLOUR_SEED + seed, 256, 160, 16, frames=(0, 15)).frames
    ]  # fmt: skip
    frames = rearrange([torch.from_numpy(one) for one in pictures], "n h w c -> n c h w")
    fitted = latent_rgb_factors(network, from_levels(frames), config.diffusion.latent_scale)
    return latent_rgb_metadata(fitted)


def choose_tensors(
    source: "Checkpoint", pruned: bool
) -> tuple["Checkpoint", "ModelConfig | SketchEncoderConfig | None"]:
    """The part of a checkpoint to write, and its configuration (a sketch encoder's if known).

    ``CheckpointError`` when the file is another model's or incomplete. SPEC section 0.
    """
    from dataclasses import replace

    from ..checkpoints import detect, is_sketch_encoder
    from ..checkpoints.detect import known_sketch_config
    from ..checkpoints.keys import COMPONENT_KEYS, OPTIONAL
    from ..checkpoints.load import check_models

    if is_sketch_encoder(source):
        if pruned:
            raise OutputError("A sketch encoder has nothing to leave out. Drop --pruned.")
        return source, known_sketch_config(source)
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
