"""``train STAGE --config FILE key=value ...``: one of the training stages."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError, TrainingError
from . import Commands

if TYPE_CHECKING:
    from ..training.settings.config import RunConfig
    from ..training.stages.registry import StageKind

STAGES = {
    "base": "the denoiser and the projector from scratch, all of them",
    "autoencoder": "encoder and image decoder from scratch",
    "rectify": "a trained model on cartoons, its motion frozen (stage 1 of the paper)",
    "decoder": "the dual-reference decoder (stage 2 of the paper)",
    "sketch": "the sketch encoder (stage 3 of the paper)",
}
"""What each stage trains, for the help; the stages themselves are not imported for that."""


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser(
        "train",
        help="train a model, stage by stage",
        description="A run that was stopped continues when the same command is given again.",
    )
    listed = "; ".join(f"{name}: {what}" for name, what in STAGES.items())
    parser.add_argument("stage", choices=STAGES, metavar="stage", help=listed)
    parser.add_argument("settings", nargs="*", metavar="key=value", help="such as steps=1000")
    parser.add_argument("--config", metavar="FILE", help="settings in a YAML file")
    parser.add_argument("--preset", help="settings to begin with; the stage's first without it")
    parser.add_argument(
        "--show", action="store_true", help="print every setting as a config file, and stop"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def run(args: argparse.Namespace) -> int:
    """Read the settings, train, and print the path of the result."""
    from ..training.run import train
    from ..training.settings.presets import NOTES, SMALL
    from ..training.settings.read import changed_from, read_settings, to_yaml
    from ..training.stages.registry import find_preset, find_stage

    kind = find_stage(args.stage)
    name, preset = find_preset(kind, args.preset)
    config = read_settings(kind.settings, preset, args.config, args.settings)
    if args.show:
        print(to_yaml(config), end="")
        return 0

    if args.config is not None:
        check_own_settings(kind, preset, args.config, config)

    def report(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    for (stage, key), note in NOTES.items():
        if stage == kind.name and name != SMALL and not changed_from(preset, config, key):
            report(f"note: {note}")
    path = train(kind, config, report, args.quiet)
    if path is not None:
        print(path)
    return 0


def check_own_settings(
    kind: "StageKind", preset: Mapping[str, object], file: str, config: "RunConfig"
) -> None:
    """``OutputError`` where the run would write its settings over a file that somebody else wrote.

    A run may go on by its own: they are written again.
    """
    from ..files import read_text
    from ..training.run import SETTINGS
    from ..training.settings.read import read_settings, to_yaml

    written = Path(config.out) / SETTINGS
    if not written.exists() or not written.samefile(file):
        return
    try:
        is_own = read_text(written, TrainingError) == to_yaml(
            read_settings(kind.settings, preset, file)
        )
    except TrainingError:  # the file is not whole without the command
        is_own = False
    if not is_own:
        raise OutputError(
            f"The run would write its settings over '{file}', which it reads. Choose another "
            f"'out', or another name than {SETTINGS} for the file."
        )
