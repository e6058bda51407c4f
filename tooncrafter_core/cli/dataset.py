"""``dataset ...``: build a data set of cartoon clips, decide again, write shards, look at it."""

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError, ToonCrafterError, check_number, counted
from ..files import Place, check_places, write_bytes
from . import Commands
from .dataset_options import (
    MODELS,
    SCORED,
    SHOTS,
    THRESHOLDS,
    add_parts,
    given,
    runner_of,
    thresholds_of,
)

if TYPE_CHECKING:
    from ..data.build.build import Progress
    from ..data.build.settings import BuildSettings

REPORT_FILES = ("report.md", "report.html", "contact_sheet.jpg")


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command, its parts and their options."""
    parser = subparsers.add_parser("dataset", help="build and look at sets of cartoon clips")
    add_parts(parser.add_subparsers(required=True, metavar="PART", dest="part"))
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

    shots = ShotSettings(**given(args, SHOTS))
    settings = BuildSettings(shots=shots, **given(args, SCORED))
    if (settings.aesthetic_head is None) != (settings.aesthetic_clip is None):
        raise ToonCrafterError("--aesthetic-head and --aesthetic-clip go together; one is missing.")
    check_places([build_place(args.out)], [*args.inputs, *model_files(settings)])
    with closing(_Bars(args.quiet)) as bars:
        manifest = build_dataset(
            args.inputs, args.out, settings, thresholds_of(args), runner_of(args), bars.show
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

    from ..data.build.manifest import read_notes, redecide

    if args.out is not None:
        check_places([Place(option="-o", at=args.out)], [args.manifest], args.overwrite)
    before = read_notes(args.manifest).thresholds
    thresholds = replace(before, **given(args, THRESHOLDS))
    _print_counts(redecide(args.manifest, thresholds, args.out))
    return 0


def run_shards(args: argparse.Namespace) -> int:
    """Write shards; those that are there already stay."""
    from ..data.build.shards import ShardSettings, write_shards

    settings = ShardSettings(clips_per_shard=args.clips_per_shard, height=args.height)
    check_places([Place(option="-o", at=args.out, kind="folder")], [args.manifest])
    failed = 0
    for path, count, error in write_shards(args.manifest, args.out, settings, runner_of(args)):
        print(f"{path}: {counted(count, 'clip')}" + (f", not all: {error}" if error else ""))
        failed += error is not None
    return 1 if failed else 0


def run_report(args: argparse.Namespace) -> int:
    """Write the report of a manifest."""
    from ..data.build.report import write_report

    out = args.out or Path(args.manifest).parent
    # A report next to its manifest is an earlier one of the same data set.
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
    check_number("--count", args.count, 1, 1000, is_whole=True)
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


def _print_counts(manifest: Path) -> None:
    from ..data.build.report import summarise, tables

    for title, _, rows in tables(summarise(manifest)):
        print(f"\n{title}")
        for row in rows:
            print("  " + " | ".join(row))
