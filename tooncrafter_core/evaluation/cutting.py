"""Cuts short clips for evaluation out of whole films.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .clips import MIN_FRAMES, EvaluationError, fit_clip, from_levels, video_frames


@dataclass(frozen=True, kw_only=True)
class CutSettings:
    """Which clips are cut; the limits are ours, no source states any."""

    num_frames: int = 16
    stride: int = 2
    """Every second frame: drawings are often held for two."""
    every: int = 48
    """Frames of the film from the beginning of one clip to that of the next."""
    width: int = 512
    height: int = 320
    cut_limit: float = 0.25
    """A step whose mean change, of 2 in all, is above this is taken for a change of shot."""
    still_limit: float = 0.03
    """A clip whose first and last frame differ by less on average shows no motion."""

    def __post_init__(self) -> None:
        if self.num_frames < MIN_FRAMES or self.stride < 1 or self.every < 1:
            raise EvaluationError(
                f"Clips need {MIN_FRAMES} frames or more, a stride and a step of 1 or more."
            )


def cut_clips(film: str | Path, settings: CutSettings) -> Iterator[tuple[int, Tensor]]:
    """Clips of a film that neither cross a cut nor stand still: first frame and ``t 3 h w``.

    Only the frames of one clip are held in memory. ``EvaluationError`` when the film cannot be
    read.
    """
    held: list[tuple[int, Tensor]] = []
    next_start = 0
    span = (settings.num_frames - 1) * settings.stride + 1
    for index, frame in enumerate(video_frames(Path(film))):
        held.append((index, frame))
        held = [(number, kept) for number, kept in held if number >= next_start]
        if len(held) == span:
            frames = torch.stack([frame for _, frame in held])
            if _is_usable(frames, settings):
                chosen = from_levels(frames[:: settings.stride])
                yield next_start, fit_clip(chosen, settings.width, settings.height)
            next_start += settings.every


def _is_usable(levels: Tensor, settings: CutSettings) -> bool:
    """Whether every step is small and the whole way is not; one pixel in 64 is looked at."""
    frames = from_levels(levels[..., ::8, ::8])
    steps = (frames[1:] - frames[:-1]).abs().mean((1, 2, 3))
    whole = (frames[-1] - frames[0]).abs().mean()
    return bool(steps.max() < settings.cut_limit and whole > settings.still_limit)
