"""Colour lock for the drawings of a cut.

What the store holds stays as the model drew it, so that the lock can be turned on and off and
nothing is drawn again.
"""

from collections.abc import Callable, Mapping
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
from .store import Source
from .values import Drawing, Moment

Reports = dict[tuple[int, str], LockReport]
"""Of each clip, by segment and half."""


def lock_drawings(
    drawing: CutDrawing, plan: CutPlan, levels: Mapping[Drawing, Levels]
) -> tuple[dict[Drawing, Levels], Reports]:
    """The drawings of a cut that was drawn, with the colours of their keys, and what was done."""
    sources: dict[tuple[int, str], Source] = {}

    def drawn(clip: Clip) -> Levels:
        source = sources[clip.segment, clip.half] = drawing.source(clip, sources)
        return np.stack([read_levels(path) for path in drawing.store.moments(source)])

    return lock_clips(Drawn(plan, drawn, drawing.key), levels, drawing.settings)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Where the pictures of a cut are that was drawn."""

    plan: CutPlan
    clip: Callable[[Clip], Levels]
    """The moments of a clip, ``t h w 3``; asked for in the order of the plan."""
    key: Callable[[str], Levels]
    """A key by its name, at the size of the drawings."""


def lock_clips(
    drawn: Drawn, levels: Mapping[Drawing, Levels], settings: InterpolationSettings
) -> tuple[dict[Drawing, Levels], Reports]:
    """Drawings with the colours of their keys, and what was done; of settings the size counts.

    A half has the locked middle of its whole for a key.
    """
    found, reports = dict(levels), Reports()
    moments: dict[Drawing, Levels] = {}
    for clip in drawn.plan.clips:
        frames = drawn.clip(clip)
        ends = [
            _video((drawn.key(end.key) if end.key is not None else moments[end])[None])
            for end in (clip.first, clip.last)
        ]
        locked = lock_clip(_video(frames), Keyframes(tuple(ends), (0, -1)), settings)
        reports[clip.segment, clip.half] = locked.report
        pictures = rearrange(to_levels(locked.frames), "t c h w -> t h w c").numpy()
        moments.update(zip(_drawings_of(clip, len(frames)), pictures, strict=True))
    found.update((one, moments[one]) for one in levels if one in moments)
    return found, reports


def _drawings_of(clip: Clip, count: int) -> list[Drawing]:
    """What each frame of a clip is in the cut."""
    return [
        Drawing(segment=clip.segment, moment=Moment(half=clip.half, index=index))
        for index in range(count)
    ]


def _video(levels: Levels) -> Tensor:
    return rearrange(from_levels(torch.from_numpy(levels)), "t h w c -> t c h w")
