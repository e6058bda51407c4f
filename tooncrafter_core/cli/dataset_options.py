"""The options of ``dataset ...``, and the settings that they make."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import Commands

if TYPE_CHECKING:
    from ..data.build.decide import Thresholds
    from ..jobs.runner import Runner

THRESHOLDS = {
    "min_motion": "mean flow in picture heights a second; less is a still shot",
    "max_text": "share of the picture that is text; more is a title",
    "min_aesthetic": "LAION's score",
    "min_agreement": "cosine of caption and frames",
    "evaluation_share": "of the shots, held out",
    "seed": "of the split",
}

MODELS = {
    "raft_weights": "torchvision's RAFT, for the flow; without it OpenCV's DIS",
    "aesthetic_head": "LAION's head; with --aesthetic-clip",
    "aesthetic_clip": "folder of openai/clip-vit-large-patch14; with --aesthetic-head",
    "blip2": "folder of BLIP-2, for captions; without it text files beside the films",
    "clip_checkpoint": "a ToonCrafter checkpoint or whole CLIP file, to judge the captions",
    "device": "where BLIP-2 runs (cpu)",
}

SCORED = (*MODELS, "find_text")
"""Options of a build that say how clips are scored."""

SHOTS = ("adaptive_threshold", "min_change", "fade_threshold", "min_seconds", "max_seconds")


def add_parts(parts: Commands) -> None:
    """Declare the parts of the command, each with its options."""
    build = parts.add_parser(
        "build", help="films to clips, scores and a manifest; goes on if run again"
    )
    build.add_argument("inputs", nargs="+", help="video files and folders of them")
    build.add_argument("-o", "--out", required=True, metavar="DIR", help="where everything goes")
    _add_ray(build)
    for name, words in MODELS.items():
        build.add_argument(f"--{name.replace('_', '-')}", help=words, default=argparse.SUPPRESS)
    build.add_argument("--no-text", dest="find_text", action="store_false", help="look for no text")
    shots = build.add_argument_group("shots")
    for name in SHOTS:
        shots.add_argument(f"--{name.replace('_', '-')}", type=float, default=argparse.SUPPRESS)
    _add_thresholds(build)
    build.add_argument("--quiet", action="store_true", help="no progress bar")
    decide = parts.add_parser(
        "decide", help="keep and reject by other thresholds; computes no score"
    )
    decide.add_argument("manifest")
    decide.add_argument("-o", "--out", help="another manifest; without it the same one")
    _add_overwrite(decide)
    _add_thresholds(decide)
    shards = parts.add_parser("shards", help="write the kept clips as WebDataset tar files")
    shards.add_argument("manifest")
    shards.add_argument("-o", "--out", required=True, metavar="DIR")
    shards.add_argument("--clips-per-shard", type=int, default=512)
    shards.add_argument("--height", type=int, default=384, help="shrink to this (384)")
    _add_ray(shards)
    report = parts.add_parser("report", help="write report.md, report.html and a contact sheet")
    report.add_argument("manifest")
    report.add_argument("-o", "--out", help="a folder; without it the manifest's")
    _add_overwrite(report)
    report.add_argument("--no-sheet", action="store_true", help="no pictures")
    _add_preview(parts)


def _add_ray(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="run on Ray: 'local' for all cores, or a cluster's address"
    )
    parser.add_argument("--workers", type=int, help="processes on Ray (one a core)")


def _add_thresholds(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("thresholds ('off' switches a filter off)")
    for name, words in THRESHOLDS.items():
        group.add_argument(
            f"--{name.replace('_', '-')}", type=int if name == "seed" else _number,
            help=words, default=argparse.SUPPRESS,
        )  # fmt: skip


def _add_preview(parts: Commands) -> None:
    preview = parts.add_parser("preview", help="draw procedural clips as a sheet of pictures")
    preview.add_argument("-o", "--out", required=True, help="the .png file to write")
    _add_overwrite(preview)
    preview.add_argument("--seed", type=int, default=0, help="of the first row (0)")
    preview.add_argument("--count", type=int, default=10, help="rows (10)")
    preview.add_argument("--width", type=int, default=256)
    preview.add_argument("--height", type=int, default=160)
    preview.add_argument("--look", choices=("cartoon", "live", "lines"), default="cartoon")
    preview.add_argument("--lines", action="store_true", help="also the exact line art")
    preview.add_argument("--kind", help="the main figure; the seed's own without it")


def _add_overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")


def _number(text: str) -> float | None:
    return None if text == "off" else float(text)


def given(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Those of the options that were named; a settings class refuses what it does not know."""
    return {name: value for name, value in vars(args).items() if name in set(names)}


def thresholds_of(args: argparse.Namespace) -> "Thresholds":
    """The thresholds that were named; the others are the defaults."""
    from ..data.build.decide import Thresholds

    return Thresholds(**given(args, THRESHOLDS))


def runner_of(args: argparse.Namespace) -> "Runner":
    """What runs the jobs: this process, or Ray."""
    from ..jobs.runner import run_here

    if args.ray is None:
        return run_here
    from ..jobs.cluster import RayRunner

    return RayRunner(address=args.ray, workers=args.workers)
