"""``dataset ...``: build a data set of cartoon clips, decide again, write shards, look at it."""

import argparse
import sys
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OutputError, ToonCrafterError
from ..files import Place, check_places, write_bytes

if TYPE_CHECKING:
    from ..data.build.build import Progress
    from ..data.build.decide import Thresholds
    from ..data.build.runner import Runner
    from ..data.build.settings import BuildSettings

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
REPORT_FILES = ("report.md", "report.html", "contact_sheet.jpg")
SHOTS = ("adaptive_threshold", "min_change", "fade_threshold", "min_seconds", "max_seconds")


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command, its parts and their options."""
    parser = subparsers.add_parser("dataset", help="build and look at sets of cartoon clips")
    parts = parser.add_subparsers(required=True, metavar="PART", dest="part")
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
    return parser


def run(args: argparse.Namespace) -> int:
    """Do the part that was named."""
    parts = {
        "build": run_build, "decide": run_decide, "shards": run_shards, "report": run_report,
        "preview": run_preview,
    }  # fmt: skip
    return parts[args.part](args)


def run_build(args: argparse.Namespace) -> int:
    """Build, with a progress bar on stderr, and write the report."""
    from ..data.build.build import build_dataset
    from ..data.build.report import check_any_film, write_report
    from ..data.build.settings import BuildSettings
    from ..data.build.shots import ShotSettings

    shots = ShotSettings(**_given(args, ShotSettings))
    settings = BuildSettings(shots=shots, **_given(args, BuildSettings))
    if (settings.aesthetic_head is None) != (settings.aesthetic_clip is None):
        raise ToonCrafterError("--aesthetic-head and --aesthetic-clip go together; one is missing.")
    check_places([build_place(args.out)], [*args.inputs, *model_files(settings)])
    with closing(_Bars(args.quiet)) as bars:
        manifest = build_dataset(
            args.inputs, args.out, settings, _thresholds(args), _runner(args), bars.show
        )
    for path in (manifest, *write_report(manifest, args.out)):
        print(path)
    _print_counts(manifest)
    check_any_film(manifest)
    return 0


def build_place(out: str) -> Place:
    """The folder of a data set."""
    from ..data.build.build import MANIFEST

    return Place(
        option="-o", at=out, kind="folder", names=("work", MANIFEST, *REPORT_FILES),
        marks=(MANIFEST, "work/films"), can_overwrite=False,
    )  # fmt: skip


def model_files(settings: "BuildSettings") -> list[str]:
    """The files and folders of models that a build reads."""
    names = [name for name in MODELS if name != "device"]
    return [str(path) for name in names if (path := getattr(settings, name)) is not None]


def run_decide(args: argparse.Namespace) -> int:
    """Decide again; thresholds that are not named stay as they were."""
    from dataclasses import replace

    from ..data.build.decide import Thresholds
    from ..data.build.manifest import read_notes, redecide

    if args.out is not None:
        check_places([Place(option="-o", at=args.out)], [args.manifest], args.overwrite)
    before = read_notes(args.manifest).thresholds
    thresholds = replace(before, **_given(args, Thresholds))
    _print_counts(redecide(args.manifest, thresholds, args.out))
    return 0


def run_shards(args: argparse.Namespace) -> int:
    """Write shards; those that are there already stay."""
    from ..data.build.shards import ShardSettings, write_shards

    settings = ShardSettings(clips_per_shard=args.clips_per_shard, height=args.height)
    check_places([Place(option="-o", at=args.out, kind="folder")], [args.manifest])
    failed = 0
    for path, count, error in write_shards(args.manifest, args.out, settings, _runner(args)):
        print(f"{path}: {count} clips" + (f", not all: {error}" if error else ""))
        failed += error is not None
    return 1 if failed else 0


def run_report(args: argparse.Namespace) -> int:
    """Write the report of a manifest."""
    from ..data.build.report import write_report

    out = args.out or Path(args.manifest).parent
    # Beside its manifest a report is an earlier one of the same data set.
    marks = () if args.out else (Path(args.manifest).name,)
    place = Place(option="-o", at=out, kind="folder", names=REPORT_FILES, marks=marks)
    check_places([place], [args.manifest], args.overwrite)
    for path in write_report(args.manifest, out, not args.no_sheet):
        print(path)
    return 0


def run_preview(args: argparse.Namespace) -> int:
    """Draw procedural clips from seeds as a sheet of pictures: a row a seed."""
    import numpy as np

    from ..data.procedural import render_clip
    from ..pictures.formats import encode_png

    out = Path(args.out)
    if out.suffix.lower() != ".png":
        raise OutputError(f"The sheet is one picture: -o NAME.png, not '{args.out}'.")
    check_places([Place(option="-o", at=args.out)], overwrite=args.overwrite)
    rows = []
    for seed in range(args.seed, args.seed + args.count):
        clip = render_clip(
            seed, args.width, args.height, 16, args.look, args.lines, args.kind, [0, 4, 8, 12, 15]
        )
        pictures = [clip.frames]
        if clip.lines is not None:
            pictures.append(np.repeat(clip.lines[..., None], 3, axis=-1))
        rows += [np.concatenate(list(frames), axis=1) for frames in pictures]
    write_bytes(out, encode_png(np.concatenate(rows)))
    print(args.out)
    return 0


class _Bars:
    """A bar for the films and one for the clips, with speed and time left."""

    def __init__(self, is_quiet: bool) -> None:
        self.is_quiet, self.bar, self.what = is_quiet, None, ""

    def show(self, progress: "Progress") -> None:
        """Follow the build."""
        from tqdm import tqdm

        if progress.what != self.what or self.bar is None:
            self.close()
            self.what = progress.what
            self.bar = tqdm(
                total=progress.total, desc=self.what, unit=self.what[:-1], disable=self.is_quiet,
                file=sys.stderr, smoothing=0.1,
            )  # fmt: skip
        self.bar.set_postfix(errors=progress.errors, refresh=False)
        self.bar.update(progress.done - self.bar.n)

    def close(self) -> None:
        """End the bar on its own line."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


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


def _add_preview(parts: Any) -> None:
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


def _given(args: argparse.Namespace, kind: type) -> dict[str, Any]:
    """The options that were named, of those that a settings class knows."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in vars(args).items() if name in names}


def _thresholds(args: argparse.Namespace) -> "Thresholds":
    from ..data.build.decide import Thresholds

    return Thresholds(**_given(args, Thresholds))


def _runner(args: argparse.Namespace) -> "Runner":
    from ..data.build.runner import run_here

    if args.ray is None:
        return run_here
    from ..data.build.runner_ray import RayRunner

    return RayRunner(address=args.ray, workers=args.workers)


def _print_counts(manifest: Path) -> None:
    from ..data.build.report import summarise, tables

    for title, _, rows in tables(summarise(manifest)):
        print(f"\n{title}")
        for row in rows:
            print("  " + " | ".join(row))
