"""Colour lock for the drawings of a cut.

What the store holds stays as the model drew it, so that the lock can be turned on and off and
nothing is drawn again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..interpolation.colour_lock import lock_clip
from ..interpolation.settings import InterpolationSettings
from ..pictures.colour.report import LockReport
from ..pictures.keyframes import Keyframes
from ..pictures.levels import from_levels, to_levels
from ..pictures.stills import read_levels
from .drawing import CutDrawing, Levels
from .plan import Clip, CutPlan
from .values import Drawing, Moment

Reports = dict[tuple[int, str], LockReport]
"""Of each clip, by segment and half."""
OnLocked = Callable[[Clip, LockReport], None]
"""Called with what was done in each clip."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Where the pictures of a cut are that was drawn."""

    plan: CutPlan
    clip: Callable[[Clip], Levels]
    """The moments of a clip, ``t h w 3``."""
    key: Callable[[str], Levels]
    """A key by its name, at the size of the drawings."""


def drawn_clips(drawing: CutDrawing, plan: CutPlan) -> Drawn:
    """The pictures of a cut whose clips are all in the store."""
    sources = drawing.sources_of(plan)

    def clip_of(clip: Clip) -> Levels:
        source = sources[clip.segment, clip.half]
        return np.stack([read_levels(path) for path in drawing.store.moments(source)])

    return Drawn(plan, clip_of, drawing.key)


def lock_clips(
    drawn: Drawn, levels: Mapping[Drawing, Levels], settings: InterpolationSettings
) -> tuple[dict[Drawing, Levels], Reports]:
    """Drawings with the colours of their keys, and what was done; of settings the size counts."""
    reports: Reports = {}

    def on_locked(clip: Clip, report: LockReport) -> None:
        reports[clip.segment, clip.half] = report

    made = {one: picture for one, picture in locked(drawn, settings, on_locked) if one in levels}
    return {**levels, **made}, reports


def locked(
    drawn: Drawn, settings: InterpolationSettings, on_locked: OnLocked
) -> Iterator[tuple[Drawing, Levels]]:
    """Each drawing of a cut, clip by clip, with the colours of its keys.

    A half has the locked middle of its whole for a key. One clip is in memory at a time.
    """
    asked = {one for one in drawn.plan.drawings if one.key is None}
    ends_of_halves = {end for clip in drawn.plan.clips for end in (clip.first, clip.last)}
    middles: dict[Drawing, Levels] = {}
    for clip in drawn.plan.clips:
        frames = drawn.clip(clip)
        middles = {one: made for one, made in middles.items() if one.segment == clip.segment}
        ends = [
            _video((drawn.key(end.key) if end.key is not None else middles[end])[None])
            for end in (clip.first, clip.last)
        ]
        made = lock_clip(_video(frames), Keyframes(tuple(ends), (0, -1)), settings)
        on_locked(clip, made.report)
        pictures = rearrange(to_levels(made.frames), "t c h w -> t h w c").numpy()
        for one, picture in zip(_drawings_of(clip, len(frames)), pictures, strict=True):
            if one in ends_of_halves:
                middles[one] = picture
            if one in asked:
                yield one, picture


def _drawings_of(clip: Clip, count: int) -> list[Drawing]:
    """What each frame of a clip is in the cut."""
    return [
        Drawing(segment=clip.segment, moment=Moment(half=clip.half, index=index))
        for index in range(count)
    ]


def _video(levels: Levels) -> Tensor:
    return rearrange(from_levels(torch.from_numpy(levels)), "t h w c -> t c h w")
