"""Draws several seeds of each segment of a cut, ranks them, and takes one.

Each candidate is a clip of the store: what was drawn for an earlier run is ranked again and not
drawn again. A segment that is drawn in halves is chosen by its whole; the halves have its seed.

Legend: t moments, c channels, h w space.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ...errors import CutError
from ...pictures.levels import from_levels
from ...pictures.stills import read_levels
from ..drawing import CutDrawing, DrawClip
from ..plan import Clip, CutPlan
from ..store import MAX_SEED, Source, redo
from .faults import Judged, judge
from .rank import Ranked, rank
from .sheet import candidate_sheet, thumbnails

MOST = 64
"""Candidates of one segment; more fit on no sheet that can be looked at."""

OnCandidate = Callable[[int, int, bool], None]
"""Called before each, with the number of its segment, its seed, and whether it is there already."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How many candidates each segment has, and which are taken."""

    count: int
    takes: Mapping[int, int] = field(default_factory=dict)
    """The seed that is taken, by the number of its segment; of all others the best."""
    only: int | None = None
    """The number of the segment that has candidates; None is all of them."""

    def __post_init__(self) -> None:
        """``CutError`` for a number of candidates that is not drawn."""
        check_count(self.count)


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """The candidates of one segment."""

    segment: int
    """From 1."""
    ranked: Sequence[Ranked]
    """The best first, each called by its seed."""
    taken: int
    """The seed."""
    shown: Mapping[str, Tensor]
    """The thumbnails of each, by its name."""

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "segment": self.segment,
            "taken": self.taken,
            "ranked": [{"seed": int(one.name), **one.as_plain()} for one in self.ranked],
        }

    def sheet(self) -> np.ndarray:
        """The contact sheet, levels ``h w 3``."""
        heading = f"Segment {self.segment}: {len(self.ranked)} candidates"
        return candidate_sheet(self.ranked, self.shown, str(self.taken), heading)

    def as_text(self) -> str:
        """For people."""
        lines = [f"segment {self.segment}, candidates by their seeds:"]
        return "\n".join([*lines, *(one.as_text() for one in self.ranked),
                          f"taken: {self.taken}"])  # fmt: skip


def check_count(count: int) -> None:
    """``CutError`` for a number of candidates that is not drawn."""
    if not 1 <= count <= MOST:
        raise CutError(
            f"1 to {MOST} candidates are drawn and ranked, not {count}: 4 are a good number to "
            "begin with."
        )


def seeds_of(first: int, count: int) -> range:
    """The seeds of candidates; ``CutError`` where they end before that."""
    if first + count - 1 > MAX_SEED:
        raise CutError(
            f"{count} candidates from seed {first} need seeds above {MAX_SEED}, the greatest: "
            "begin with a smaller seed."
        )
    return range(first, first + count)


def check_seed(seed: int, seeds: range, whose: str) -> None:
    """``CutError`` for a seed that is to be taken and is not drawn."""
    if seed not in seeds:
        drawn = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
        raise CutError(
            f"Seed {seed} is to be taken {whose}, and no candidate has it: their seeds are "
            f"{drawn}. Take one of these, or ask for more candidates."
        )


def check_wanted(drawing: CutDrawing, plan: CutPlan, wanted: Wanted) -> None:
    """``CutError`` before anything is drawn, for seeds that will not be there."""
    wholes = whole_clips(plan, wanted.only)
    for number in wanted.takes:
        if not 1 <= number <= len(drawing.cut.segments):
            raise CutError(
                f"A seed is to be taken in segment {number}, which is not there: the cut has "
                f"{len(drawing.cut.segments)}."
            )
        if number not in wholes:
            raise CutError(
                f"Segment {number} has no candidates, so no seed can be taken there: leave it out."
            )
    for number in wholes:
        seeds = seeds_of(drawing.settings_of(number - 1).seed, wanted.count)
        if number in wanted.takes:
            check_seed(wanted.takes[number], seeds, f"in segment {number}")


def whole_clips(plan: CutPlan, only: int | None) -> dict[int, Clip]:
    """The whole clip of each segment that is drawn, by its number from 1; or of one alone."""
    return {
        clip.segment + 1: clip
        for clip in plan.clips
        if not clip.half and only in (None, clip.segment + 1)
    }


def draw_candidates(
    drawing: CutDrawing,
    plan: CutPlan,
    wanted: Wanted,
    draw_clip: DrawClip,
    on_candidate: OnCandidate = lambda *_: None,
) -> dict[int, dict[int, Source]]:
    """Draw what is missing; the source of each candidate by the number of its segment and its seed.

    ``CutError`` as ``check_wanted``.
    """
    check_wanted(drawing, plan, wanted)
    found: dict[int, dict[int, Source]] = {}
    for number, clip in whole_clips(plan, wanted.only).items():
        alone, found[number] = replace(plan, clips=(clip,)), {}
        for seed in seeds_of(drawing.settings_of(clip.segment).seed, wanted.count):
            one = replace(drawing, cut=redo(drawing.cut, number, seed))

            def on_clip(
                _: Clip, __: Source, is_there: bool, number: int = number, seed: int = seed
            ) -> None:
                on_candidate(number, seed, is_there)

            (found[number][seed],) = one.draw_clips(alone, draw_clip, on_clip).values()
    return found


def choose_seeds(
    drawing: CutDrawing,
    plan: CutPlan,
    wanted: Wanted,
    draw_clip: DrawClip,
    on_candidate: OnCandidate = lambda *_: None,
) -> tuple[CutDrawing, list[Choice]]:
    """Draw what is missing, and give the drawing with the seeds that are taken.

    ``CutError`` as ``check_wanted``.
    """
    drawn = draw_candidates(drawing, plan, wanted, draw_clip, on_candidate)
    choices = []
    for number, clip in whole_clips(plan, wanted.only).items():
        judged: dict[str, Judged] = {}
        shown: dict[str, Tensor] = {}
        for seed, source in drawn[number].items():
            frames = _frames(drawing, source)
            judged[str(seed)] = judge(frames, *_ends(drawing, clip))
            shown[str(seed)] = thumbnails(frames)
        ranked = rank(judged)
        taken = wanted.takes.get(number, int(ranked[0].name))
        choices.append(Choice(segment=number, ranked=ranked, taken=taken, shown=shown))
    cut = drawing.cut
    for choice in choices:
        cut = redo(cut, choice.segment, choice.taken)
    return replace(drawing, cut=cut), choices


def _frames(drawing: CutDrawing, source: Source) -> Tensor:
    """The moments of a clip in the store, ``t 3 h w``."""
    levels = np.stack([read_levels(path) for path in drawing.store.moments(source)])
    return rearrange(from_levels(torch.from_numpy(levels)), "t h w c -> t c h w")


def _ends(drawing: CutDrawing, clip: Clip) -> list[Tensor]:
    """Both keys of a whole clip at its size, ``3 h w``."""
    keys = [drawing.key(end.key) for end in (clip.first, clip.last) if end.key is not None]
    return [rearrange(from_levels(torch.from_numpy(key)), "h w c -> c h w") for key in keys]
