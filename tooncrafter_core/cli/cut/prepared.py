"""A cut that was read and checked, so that all that is left is to draw."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...config.embedded import MINI, MINI_SKETCH, embedded_file, mini_settings
from ...errors import CheckpointError, CutError, SketchError
from ..candidates.cut import wanted_of
from ..interpolate import mini_checkpoint, session_settings, settings_from
from .options import check_folder, extensions_of
from .request import TimedCut, read_cut, read_request

if TYPE_CHECKING:
    from ...cut.candidates.choose import Wanted
    from ...cut.clear import ClearKeys
    from ...cut.drawing import CutDrawing
    from ...cut.plan import CutPlan
    from ...interpolation.session import SessionSettings


class PreparedCut(NamedTuple):
    """A cut that was read and checked: all that is left is to draw."""

    timed: TimedCut
    plan: "CutPlan"
    weights: "SessionSettings"
    folder: Path
    clear: "ClearKeys | None"  # Where transparency is kept.
    drawing: "CutDrawing"
    formats: list[str]
    notes: list[str]
    files: list[Path]  # All that was read, but for weights.
    wanted: "Wanted | None"  # Where several seeds are drawn.


def prepare(args: argparse.Namespace) -> PreparedCut:
    """Read the cut that the options ask for, and check all of it before anything is loaded."""
    from ...cut.candidates.choose import check_wanted
    from ...cut.clear import read_clear_keys
    from ...cut.drawing import CutDrawing, read_hints
    from ...cut.keys import check_transparency, digests_of, read_keys, size_note
    from ...cut.motion.joints import chosen_joints, joints_note
    from ...cut.plan import plan_cut
    from ...cut.results.ours import SEGMENTS
    from ...cut.sheets.write import check_names
    from ...cut.store import ClipStore

    request = read_request(args)
    has_mini = request.checkpoint in (None, MINI)
    checkpoint = mini_checkpoint() if has_mini else Path(str(request.checkpoint))
    own = mini_settings() if has_mini else {}
    settings = settings_from(args, {**own, **request.drawing})
    wanted = wanted_of(request.candidates, request.takes, args.redo)
    timed = read_cut(request)
    check_names(key.name for key in timed.cut.keys)
    formats = extensions_of(request.formats or ["mp4"], timed.cut.fps)
    own_encoder = embedded_file(MINI_SKETCH) if has_mini and timed.sketches else None
    weights = session_settings(args, checkpoint, own_encoder)
    files = [Path(file) for file in (args.file, *timed.inputs, *request.sheets) if file]
    folder = check_folder(args, [*files, *weights.files])
    pictures = read_keys(timed.cut.keys)
    transparent, clear = check_transparency(timed.cut.keys), None
    if transparent and request.keeps_alpha:
        clear, transparent = read_clear_keys(timed.cut.keys), None
        pictures = clear.laid
        formats += [] if request.formats else [".mov"]
    digests = digests_of(pictures)
    height, width = next(iter(pictures.values())).shape[-2:]
    size = size_note((width, height), (settings.width, settings.height), settings.fit)
    plan = plan_cut(
        timed.cut, lambda one, other: digests[one.name] == digests[other.name], request.draws_holds
    )
    if timed.smooth:
        note = joints_note(chosen_joints(timed.cut, plan, timed.smooth))
        plan = replace(plan, notes=(*plan.notes, note))
    digest, sketch_digest = _digests(weights, bool(timed.sketches))
    drawing = CutDrawing(
        cut=timed.cut,
        pictures=pictures,
        settings=settings,
        weights=digest,
        store=ClipStore(folder / SEGMENTS),
        hints=read_hints(timed.cut),
        sketch_weights=sketch_digest,
    )
    if args.redo is not None:
        seed = getattr(args, "seed", None)
        drawing = _with_new_seed(drawing, plan, folder, args.redo, seed)
    if wanted is not None:
        check_wanted(drawing, plan, wanted)
    return PreparedCut(
        timed=timed,
        plan=plan,
        weights=weights,
        folder=folder,
        clear=clear,
        drawing=drawing,
        formats=formats,
        notes=[note for note in (size, transparent, *timed.notes, *plan.notes) if note],
        files=files,
        wanted=wanted,
    )


def _digests(weights: "SessionSettings", has_sketches: bool) -> tuple[str, str]:
    """The digests of all weights but the sketch encoder's, with what they compute in, and of those.

    A precision that is asked for draws other pixels than the one that a device is quick at.
    """
    from ...cut.store import digest
    from ...files.digests import user_memory

    encoder = weights.sketch_encoder
    if has_sketches and encoder is None:
        raise SketchError("Sketches need the sketch encoder: name its file with --sketch-encoder.")
    # What has no sketch is the same with a sketch encoder and without.
    files = [file for file in weights.files if file != encoder]
    memory = user_memory()
    own = "" if encoder is None else memory.digest(_regular(encoder))
    asked = [] if weights.dtype == "auto" else [weights.dtype]
    return digest([memory.digest(_regular(file)) for file in files] + asked), own


def _regular(file: str | Path) -> Path:
    """A weight file that can be read to its end."""
    from ...pictures.kinds import check_regular

    check_regular(Path(file), CheckpointError)
    return Path(file)


def _with_new_seed(
    drawing: "CutDrawing", plan: "CutPlan", folder: Path, number: int, seed: int | None
) -> "CutDrawing":
    """The same with another seed for one segment, and those of the last run for all others."""
    from ...cut.output import seeds_in
    from ...cut.store import next_seed, redo

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
