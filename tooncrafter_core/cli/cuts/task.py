"""One cut of an episode: its file, its folder, and the options that hold for all cuts."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import JobError
from ..cut.prepared import PreparedCut, prepare

if TYPE_CHECKING:
    from torch import Tensor

    from ...cut.drawing import DrawClip


@dataclass(frozen=True, kw_only=True)
class CutTask:
    """A cut file and where its results go; small, and can be pickled."""

    name: str
    """Of the cut: its file's path within the folder, without its ending."""
    file: str
    folder: str


@dataclass(frozen=True, kw_only=True)
class SegmentJob:
    """A segment to draw, with its halves."""

    task: CutTask
    segment: int
    """From 1."""


def prepare_task(task: CutTask, shared: Mapping[str, Any]) -> PreparedCut:
    """Read and check a cut, as ``cut FILE -o FOLDER`` with the options that are shared."""
    from .. import parse

    args = parse(["cut", task.file, "-o", task.folder])
    return prepare(argparse.Namespace(**{**vars(args), **shared}))


def segments_of(cut: PreparedCut) -> list[int]:
    """Segments, from 1, in which something is drawn."""
    return sorted({clip.segment + 1 for clip in cut.plan.clips})


def alone(cut: PreparedCut, segment: int) -> PreparedCut:
    """The same cut with nothing but one segment to draw, which is counted from 1."""
    clips = tuple(clip for clip in cut.plan.clips if clip.segment == segment - 1)
    wanted = cut.wanted
    if wanted is not None:
        takes = {number: seed for number, seed in wanted.takes.items() if number == segment}
        wanted = replace(wanted, only=segment, takes=takes)
    return cut._replace(plan=replace(cut.plan, clips=clips), wanted=wanted)


def draw_segment(cut: PreparedCut, segment: int, draw_clip: "DrawClip") -> None:
    """Draw the clips of a segment that are not there yet, candidates first."""
    from ...cut.candidates.choose import choose_seeds

    one = alone(cut, segment)
    drawing = one.drawing
    if one.wanted is not None:
        drawing, _ = choose_seeds(drawing, one.plan, one.wanted, draw_clip)
    drawing.draw_clips(one.plan, draw_clip)


def is_drawn(cut: PreparedCut, segment: int) -> bool:
    """Whether all clips of a segment, from 1, are in the store."""
    from ...cut.candidates.choose import draw_candidates

    def draw_clip(*_: object) -> "Tensor":
        raise JobError("The clip is not there.")

    one = alone(cut, segment)
    try:
        if one.wanted is not None:
            draw_candidates(one.drawing, one.plan, one.wanted, draw_clip)
        # Ranking takes a second or two, and only halves need to know which seed is the best.
        if one.wanted is None or len(one.plan.clips) > 1:
            draw_segment(cut, segment, draw_clip)
    except JobError:
        return False
    return True


def seconds_of(cut: PreparedCut, segment: int) -> float | None:
    """What a segment took that is there; None where that is not known."""
    sources = cut.drawing.sources_of(alone(cut, segment).plan)
    took = [cut.drawing.store.seconds(source) for source in sources.values()]
    known = [seconds for seconds in took if seconds is not None]
    if not known or len(known) < len(took):
        return None
    return sum(known) * (1 if cut.wanted is None else cut.wanted.count)


def fingerprint_of(cut: PreparedCut, shared: Mapping[str, Any]) -> str:
    """A hash of all that a cut's results come from: files, weights, settings, options."""
    from ...cut.store import digest
    from ...files.digests import digest_of_file

    return digest({
        "files": [[str(path), digest_of_file(path)] for path in cut.files],
        "clips": [source.hash for source in cut.drawing.sources_of(cut.plan).values()],
        "options": {name: str(value) for name, value in shared.items()},
        "formats": cut.formats,
    })  # fmt: skip


def task_of(file: Path, root: Path, out: Path) -> CutTask:
    """The task of a cut file that lies in a folder or below it."""
    name = file.relative_to(root).with_suffix("").as_posix()
    return CutTask(name=name, file=str(file), folder=str(out / name))
