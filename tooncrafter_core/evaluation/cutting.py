"""Cuts short clips for evaluation out of films, and clips for training from the rest.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from ..data.build.shots import Shot, ShotSettings, find_shots
from ..errors import EvaluationError
from ..pictures.levels import from_levels
from .clip_files import MIN_FRAMES, fit_clip, open_clip, video_frames

TRIM = 1
"""Frames left out at both ends of a shot, where a splice may show both."""
LONGEST_REST = 240
"""Largest number of frames of a training clip, which bounds the memory."""


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
    """Mean change between frames, of 2 at most, above which a cut is assumed."""
    still_limit: float = 0.03
    """Mean difference of first and last frame below which a clip counts as still."""

    apart: int = 24
    """Frames between a clip and the training clips around it: a second of most films."""

    @property
    def span(self) -> int:
        """Frames of the film from the first to the last of a clip."""
        return (self.num_frames - 1) * self.stride + 1

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
    for index, frame in enumerate(video_frames(Path(film))):
        held.append((index, frame))
        held = [(number, kept) for number, kept in held if number >= next_start]
        if len(held) == settings.span:
            frames = torch.stack([frame for _, frame in held])
            if _is_usable(frames, settings):
                chosen = from_levels(frames[:: settings.stride])
                yield next_start, fit_clip(chosen, settings.width, settings.height)
            next_start += settings.every


def rest_of(film: str | Path, settings: CutSettings) -> Iterator[tuple[int, Tensor]]:
    """Training clips from between the evaluation clips, with a margin to each of them.

    Yields stretches of frames that are ``settings.apart`` or more away from every place where a
    clip is looked for, used or not: the first frame's number and ``t 3 h w``. They end with their
    shot, as ``find_shots`` finds it, and after ``LONGEST_REST`` frames. ``EvaluationError`` where
    no room is left and for a film that cannot be read; ``DatasetError`` without what finds shots.
    """
    first, end = settings.span + settings.apart, settings.every - settings.apart
    if settings.apart < 0 or end - first < settings.num_frames:
        raise EvaluationError(
            f"Clips of {settings.span} frames of the film, {settings.every} from one to the next, "
            f"leave {max(end - first, 0)} frames that are {settings.apart} away from both, and "
            f"{settings.num_frames} are needed: give a larger --every."
        )
    shots = find_shots(open_clip(film), ShotSettings()).shots
    owners = {
        number: shot for shot in shots for number in range(shot.first + TRIM, shot.end - TRIM)
    }
    held: list[Tensor] = []
    owner: Shot | None = None
    for number, frame in enumerate(chain(video_frames(Path(film)), [None])):
        shot = owners.get(number) if first <= number % settings.every < end else None
        if held and (shot is not owner or len(held) == LONGEST_REST):
            if len(held) >= settings.num_frames:
                yield number - len(held), torch.stack(held)
            held = []
        if shot is not None and frame is not None:
            fitted = fit_clip(from_levels(frame[None]), settings.width, settings.height)
            held.append(fitted[0])
        owner = shot


def _is_usable(levels: Tensor, settings: CutSettings) -> bool:
    """Whether every step is small and the whole way is not; one pixel in 64 is looked at."""
    frames = from_levels(levels[..., ::8, ::8])
    steps = (frames[1:] - frames[:-1]).abs().mean((1, 2, 3))
    whole = (frames[-1] - frames[0]).abs().mean()
    return bool(steps.max() < settings.cut_limit and whole > settings.still_limit)
