"""Line distance: how far the lines of made frames are from those of the true ones.

The lines are found as the Line Art node finds them, so where a frame was drawn after a sketch of
the true frame, this is how well it keeps to the sketch.

Legend: t frames, c channels (3), h w space, n points; videos in [-1, 1].
"""

import torch
from torch import Tensor

from ..sketches.line_art import line_art
from .metric import Metric, check_pair

FARTHEST = 24.0
"""Largest distance in pixels of one line, also used where the other picture has no lines."""
CHUNK = 1024
"""Number of points compared at a time."""


def line_distance(video: Tensor, truth: Tensor) -> Tensor:
    """Mean distance in pixels from each line to the nearest of the other picture, both ways.

    Shapes: both ``t 3 h w``; the result is ``t``, at most 24; 0 where neither has lines.
    ``EvaluationError`` for videos that cannot be compared.
    """
    check_pair(video, truth)
    made, true = (
        [lines[0].nonzero().float() for lines in line_art(v) > 0.5] for v in (video, truth)
    )
    return torch.tensor([_apart(*pair) for pair in zip(made, true, strict=True)])


def _apart(a: Tensor, b: Tensor) -> float:
    """Mean distance between the points ``n 2`` of two pictures, both ways."""
    if not len(a) or not len(b):
        return 0.0 if len(a) == len(b) else FARTHEST
    return (_to_nearest(a, b) + _to_nearest(b, a)) / 2


def _to_nearest(points: Tensor, others: Tensor) -> float:
    nearest = [torch.cdist(some, others).amin(1) for some in points.split(CHUNK)]
    return float(torch.cat(nearest).clamp(max=FARTHEST).mean())


LINE_METRIC = Metric(
    key="lines", title="line distance (px)", is_higher_better=False, decimals=2, weights="none",
    measure=lambda video, truth, clip: line_distance(video, truth),
)  # fmt: skip
