"""``cut --keys A1.png A2.png A3.png --frames 1,13,25 -o OUT``: all drawings of a cut."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..config.embedded import MINI, MINI_SKETCH, embedded_file, mini_settings
from ..errors import CheckpointError, CutError, SketchError, printable
from . import Commands
from .colour.alpha import add_alpha_option
from .colour.lock import add_colour_option
from .cut_options import add_result_options, add_timing_options, check_folder, extensions_of
from .cut_request import TimedCut, read_cut, read_request
from .interpolate import (
    interpolate_with_progress,
    mini_checkpoint,
    session_settings,
    settings_from,
)
from .interpolate_options import (
    add_look_options,
    add_machine_options,
    add_offload_option,
    add_solver_options,
)

if TYPE_CHECKING:
    import torch

    from ..cut.clear import ClearKeys
    from ..cut.drawing import CutDrawing, Levels
    from ..cut.output import Finished
    from ..cut.plan import Clip, CutPlan
    from ..cut.store import Source
    from ..cut.values import Drawing
    from ..interpolation.session import SessionSettings
    from ..interpolation.settings import InterpolationSettings
    from ..pictures.keyframes import Keyframes
    from ..sketches.frames import SketchLayer


def add_parser(subparsers: Commands) -> argparse.ArgumentParser:
    """Declare the command and its options."""
    parser = subparsers.add_parser("cut", help="draw every in-between of a cut of several keys")
    add_timing_options(parser.add_argument_group("keys and timing"))
    add_result_options(parser.add_argument_group("results"))
    add_look_options(parser.add_argument_group("picture"))
    colour = parser.add_argument_group("colour")
    add_colour_option(colour)
    add_alpha_option(colour)
    add_solver_options(parser.add_argument_group("sampling"))
    machine = parser.add_argument_group("files and machine")
    machine.add_argument(
        "--sketch-encoder",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="the sketch encoder's .ckpt or .safetensors, for --sketch",
    )
    machine.add_argument("--checkpoint", help="as for interpolate (the mini model)")
    add_machine_options(machine)
    add_offload_option(machine)
    return parser


def run(args: argparse.Namespace) -> int:
    """Check everything that can be checked, draw what is not there yet, and write all of it."""
    from ..cut.clear import read_clear_keys
    from ..cut.keys import check_transparency, digests_of, read_keys
    from ..cut.motion.joints import chosen_joints, joints_note
    from ..cut.output import write_results
    from ..cut.plan import plan_cut
    from ..cut.store import alone_in

    request = read_request(args)
    has_mini = request.checkpoint in (None, MINI)
    checkpoint = mini_checkpoint() if has_mini else Path(str(request.checkpoint))
    own = mini_settings() if has_mini else {}
    settings = settings_from(args, {**own, **request.drawing})
    timed = read_cut(request)
    formats = extensions_of(request.formats or ["mp4"], timed.cut.fps)
    own_encoder = embedded_file(MINI_SKETCH) if has_mini and timed.sketches else None
    weights = session_settings(args, checkpoint, own_encoder)
    files = [args.file] if args.file else []
    folder = check_folder(args, [*files, *timed.inputs, *request.sheets, *weights.files])
    pictures = read_keys(timed.cut.keys)
    transparent, clear = check_transparency(timed.cut.keys), None
    if transparent and request.keeps_alpha:
        clear, transparent = read_clear_keys(timed.cut.keys), None
        pictures = clear.laid
        formats += [] if request.formats else [".mov"]
    digests = digests_of(pictures)
    plan = plan_cut(
        timed.cut, lambda one, other: digests[one.name] == digests[other.name], request.draws_holds
    )
    if timed.smooth:
        note = joints_note(chosen_joints(timed.cut, plan, timed.smooth))
        plan = replace(plan, notes=(*plan.notes, note))
    job = _Job(timed, plan, weights, folder, clear)
    drawing = _drawing(args, job, pictures, settings)
    for note in (transparent, *timed.notes, *plan.notes):
        if note:
            print(printable(note))
    with alone_in(folder) as still_here:
        finished = _draw(drawing, job, args.quiet, still_here)
        rows = write_results(folder, replace(finished, formats=formats))
    print(_summary(rows, len(plan.sheet.frames), folder))
    return 0


class _Job(NamedTuple):
    """What is drawn, with which weights, and into which folder."""

    timed: TimedCut
    plan: "CutPlan"
    weights: "SessionSettings"
    folder: Path
    clear: "ClearKeys | None"  # Where transparency is kept.


def _drawing(
    args: argparse.Namespace,
    job: _Job,
    pictures: "Mapping[str, torch.Tensor]",
    settings: "InterpolationSettings",
) -> "CutDrawing":
    """What is drawn with, with the seeds of each segment."""
    from ..cut.drawing import CutDrawing, read_hints
    from ..cut.output import SEGMENTS
    from ..cut.store import ClipStore, digest, digest_of_file

    timed, plan, weights, folder, _ = job
    encoder = weights.sketch_encoder
    if timed.sketches and encoder is None:
        raise SketchError("Sketches need the sketch encoder: name its file with --sketch-encoder.")
    # What has no sketch is the same with a sketch encoder and without.
    files = [file for file in weights.files if file != encoder]
    drawing = CutDrawing(
        cut=timed.cut,
        pictures=pictures,
        settings=settings,
        weights=digest(list(map(digest_of_file, map(_regular, files)))),
        store=ClipStore(folder / SEGMENTS),
        hints=read_hints(timed.cut),
        sketch_weights="" if encoder is None else digest_of_file(_regular(encoder)),
    )
    if args.redo is None:
        return drawing
    return _with_new_seed(drawing, plan, folder, args.redo, getattr(args, "seed", None))


def _regular(file: str | Path) -> Path:
    """A weight file that can be read to its end."""
    from ..pictures.kinds import check_regular

    check_regular(Path(file), CheckpointError)
    return Path(file)


def _with_new_seed(
    drawing: "CutDrawing", plan: "CutPlan", folder: Path, number: int, seed: int | None
) -> "CutDrawing":
    """The same with another seed for one segment, and those of the last run for all others."""
    from ..cut.output import seeds_in
    from ..cut.store import next_seed, redo

    cut = drawing.cut
    for index, earlier in enumerate(seeds_in(folder, len(cut.segments)), start=1):
        cut = redo(cut, index, earlier)
    if not any(clip.segment == number - 1 for clip in plan.clips):
        redo(cut, number, 0)
        raise CutError(f"Nothing is drawn in segment {number}, so nothing can be drawn again.")
    whole = next(clip for clip in plan.clips if clip.segment == number - 1)

    def is_drawn(seed: int) -> bool:
        with_seed = replace(drawing, cut=redo(cut, number, seed))
        return with_seed.store.has(with_seed.source(whole, {}))

    if seed is None:
        seed = next_seed(cut.segments[number - 1].seed or 0, is_drawn)
    return replace(drawing, cut=redo(cut, number, seed))


def _draw(
    drawing: "CutDrawing",
    job: _Job,
    is_quiet: bool,
    still_here: Callable[[], None],
) -> "Finished":
    """Draw clip by clip what is not there yet, say so, and change what is asked for."""
    from ..cut.colour import lock_drawings
    from ..cut.motion.joints import chosen_joints
    from ..cut.motion.smoothing import smoothed
    from ..cut.output import Finished
    from ..interpolation.session import Session

    timed, plan, weights, _, clear = job
    session = Session(weights)

    def draw_clip(
        keyframes: "Keyframes",
        settings: "InterpolationSettings",
        sketches: "Sequence[SketchLayer]",
    ) -> "torch.Tensor":
        return interpolate_with_progress(session, keyframes, settings, sketches, is_quiet)

    def on_clip(clip: "Clip", source: "Source", is_there: bool) -> None:
        still_here()
        print(f"segment {clip.segment + 1}{_half(clip.half)}: {_state(is_there)}", flush=True)

    sources = drawing.draw_clips(plan, draw_clip, on_clip)
    changed: dict[Drawing, Levels] = {}
    colours = None
    if timed.locks_colour or timed.smooth or clear is not None:
        changed = drawing.draw(plan, draw_clip)
    if timed.locks_colour:
        changed, colours = lock_drawings(drawing, plan, changed)
    if timed.smooth:
        changed = smoothed(chosen_joints(timed.cut, plan, timed.smooth), changed)
    if clear is not None:
        changed = clear.taken_out(changed, drawing.settings)
    return Finished(
        drawing=drawing,
        plan=plan,
        sources=sources,
        level=timed.level,
        sheet=timed.sheet,
        changed=changed,
        colours=colours,
        has_alpha=clear is not None,
    )


def _half(half: str) -> str:
    return f", half {'.'.join(half)}" if half else ""


def _state(is_there: bool) -> str:
    return "there already" if is_there else "is drawn"


def _summary(rows: Sequence[dict[str, object]], length: int, folder: Path) -> str:
    keys = sum(row["is"] == "key" for row in rows)
    return (
        f"{folder}: {length} frames of {len(rows)} drawings, {keys} keys and {len(rows) - keys} "
        "in-betweens"
    )
