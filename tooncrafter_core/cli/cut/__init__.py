"""``cut --keys A1.png A2.png A3.png --frames 1,13,25 -o OUT``: all drawings of a cut."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import counted, printable
from .. import Commands
from ..candidates.cut import choose, state_of
from ..candidates.options import add_candidate_options
from ..interpolate import interpolate_with_progress
from .all_cels import asks_for_all, run_all
from .options import add_drawing_options, add_result_options, add_timing_options
from .prepared import PreparedCut, prepare

if TYPE_CHECKING:
    import torch

    from ...cut.candidates.choose import Choice
    from ...cut.drawing import DrawClip
    from ...cut.plan import Clip
    from ...cut.results.finished import Finished
    from ...cut.store import Source
    from ...interpolation.session import Session
    from ...interpolation.settings import InterpolationSettings
    from ...pictures.keyframes import Keyframes
    from ...sketches.frames import SketchLayer


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser("cut", help="draw every in-between of a cut of several keys")
    add_timing_options(parser.add_argument_group("keys and timing"))
    results = parser.add_argument_group("results")
    add_result_options(results)
    add_candidate_options(results, of_segments=True)
    add_drawing_options(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Check everything that can be checked, draw what is not there yet, and write all of it."""
    from ...interpolation.session import Session

    if asks_for_all(args):
        return run_all(args, draw_and_write)
    cut = prepare(args)
    draw_and_write(cut, Session(cut.weights), args.quiet)
    return 0


def draw_and_write(cut: PreparedCut, session: "Session", is_quiet: bool) -> "Finished":
    """Draw a cut and write its folder, alone there, and say what was done."""
    from ...cut.output import write_results
    from ...cut.store import alone_in

    for note in cut.notes:
        print(printable(note))
    with alone_in(cut.folder) as still_here:

        def say(text: str) -> None:
            still_here()
            print(text, flush=True)

        finished = draw(cut, clip_drawer(session, is_quiet), say)
        rows = write_results(cut.folder, finished)
    print(_summary(rows, len(cut.plan.sheet.frames), cut.folder))
    return finished


def draw(
    cut: PreparedCut, draw_clip: "DrawClip", say: Callable[[str], None] = lambda _: None
) -> "Finished":
    """Draw clip by clip what is not there yet, say so, and name what is changed."""
    from ...cut.motion.joints import chosen_joints
    from ...cut.results.finished import Finished

    timed, plan, drawing = cut.timed, cut.plan, cut.drawing

    def on_clip(clip: "Clip", source: "Source", is_there: bool) -> None:
        say(f"segment {clip.segment + 1}{_half(clip.half)}: {state_of(is_there)}")

    choices: Sequence[Choice] = ()
    if cut.wanted is not None:
        drawing, choices = choose(drawing, plan, cut.wanted, draw_clip, say)
    sources = drawing.draw_clips(plan, draw_clip, on_clip)
    return Finished(
        drawing=drawing,
        plan=plan,
        sources=sources,
        level=timed.level,
        sheet=timed.sheet,
        locks_colour=timed.locks_colour,
        joints=chosen_joints(timed.cut, plan, timed.smooth) if timed.smooth else (),
        clear=cut.clear,
        choices=choices,
        formats=cut.formats,
    )


def clip_drawer(session: "Session", is_quiet: bool) -> "DrawClip":
    """What draws a clip with the networks of a session, with progress on stderr."""

    def draw_clip(
        keyframes: "Keyframes",
        settings: "InterpolationSettings",
        sketches: "Sequence[SketchLayer]",
    ) -> "torch.Tensor":
        return interpolate_with_progress(session, keyframes, settings, sketches, is_quiet)

    return draw_clip


def _half(half: str) -> str:
    return f", half {'.'.join(half)}" if half else ""


def _summary(rows: Sequence[dict[str, object]], length: int, folder: Path) -> str:
    keys = sum(row["is"] == "key" for row in rows)
    return (
        f"{folder}: {counted(length, 'frame')} of {counted(len(rows), 'drawing')}, "
        f"{counted(keys, 'key')} and {counted(len(rows) - keys, 'in-between')}"
    )
