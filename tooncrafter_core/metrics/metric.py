"""The interface of a metric, its inputs, and the check of two videos.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import EvaluationError


@dataclass(frozen=True)
class Clip:
    """One clip on disk."""

    name: str
    """Also the name of its folder in the results: letters, digits and what a file name may hold."""
    path: Path
    """A folder of pictures or a video file."""
    prompt: str = ""
    """Its prompt, from a ``NAME.txt`` next to the clip or the list's second column."""
    positions: Path | None = None
    """The file with the positions of moving parts of drawn clips: ``NAME.npz`` next to the clip."""


Measure = Callable[[Tensor, Tensor, Clip], Tensor]
"""From generated frames and true ones, ``t 3 h w`` both, and their clip: a number per frame."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measured quantity."""

    key: str
    title: str
    is_higher_better: bool
    decimals: int
    weights: str
    measure: Measure


def check_pair(video: Tensor, truth: Tensor) -> None:
    """Refuse two videos that cannot be compared frame by frame.

    ``EvaluationError`` for other layouts than ``t 3 h w``, different lengths or sizes, and for
    values that are not numbers.
    """
    for name, frames in (("video", video), ("true video", truth)):
        if frames.ndim != 4 or frames.shape[1] != 3 or 0 in frames.shape:
            raise EvaluationError(f"The {name} must be t 3 h w, it is {tuple(frames.shape)}.")
        if not torch.isfinite(frames).all():
            broken = (~torch.isfinite(frames).flatten(1).all(1)).nonzero().flatten().tolist()
            raise EvaluationError(
                f"The {name} holds pixels that are not numbers (NaN or infinity), in frames "
                f"{', '.join(str(i + 1) for i in broken[:5])}."
            )
    if video.shape[0] != truth.shape[0]:
        raise EvaluationError(
            f"The videos differ in length: {video.shape[0]} frames against {truth.shape[0]}."
        )
    if video.shape != truth.shape:
        sizes = [f"{v.shape[3]}x{v.shape[2]}" for v in (video, truth)]
        raise EvaluationError(f"The videos differ in size: {sizes[0]} against {sizes[1]} pixels.")
