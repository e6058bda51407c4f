"""``tiny OUT``: write a checkpoint with made-up weights, to try everything out."""

import argparse
from pathlib import Path

from ..config.dtypes import COMPUTED, torch_dtype
from ..config.presets import PRESETS, SKETCH_PRESETS
from ..files import Place, check_places
from . import Commands


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser(
        "tiny", help="write a tiny checkpoint with made-up weights, for trying things out"
    )
    parser.add_argument("output", help="the .safetensors file to write")
    parser.add_argument(
        "--part", choices=("model", "sketch_encoder"), default="model",
        help="the model itself, or the sketch encoder that goes with it (model)",
    )  # fmt: skip
    parser.add_argument(
        "--preset", choices=PRESETS, default="tiny",
        help="its sizes; tooncrafter_512 takes minutes and 10 GB in fp32 (tiny)",
    )  # fmt: skip
    parser.add_argument(
        "--tag", help="other weights for every text; the preset's name unless given"
    )
    parser.add_argument("--dtype", choices=COMPUTED, default="fp32")
    parser.add_argument(
        "--pruned", action="store_true", help="leave out the text and image encoders"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the checkpoint, tensor by tensor."""
    from dataclasses import replace

    from ..checkpoints import save_checkpoint
    from ..checkpoints.files.save import check_target
    from ..checkpoints.synthetic import made_up_checkpoint, made_up_sketch_encoder

    output = Path(args.output)
    check_target(output)
    check_places([Place(option="OUT", at=args.output)], overwrite=args.overwrite)
    tag = args.tag or args.preset
    if args.part == "sketch_encoder":
        config = SKETCH_PRESETS[args.preset]
        checkpoint = made_up_sketch_encoder(config, tag)
    else:
        config = PRESETS[args.preset]
        if args.pruned:
            config = replace(config, text_encoder=None, image_encoder=None)
        checkpoint = made_up_checkpoint(config, tag)
    save_checkpoint(checkpoint, output, dtype=torch_dtype(args.dtype), config=config)
    print(f"{output}: {len(checkpoint)} made-up tensors, its pictures mean nothing")
    return 0
