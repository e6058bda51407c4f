"""CPBD: how sharp a picture looks, without a reference.

Narvekar and Karam, "A No-Reference Image Blur Metric Based on the Cumulative Probability of Blur
Detection (CPBD)", IEEE Transactions on Image Processing 20(9), 2011; edge widths after Marziliano
et al., 2002. Vertical edges are measured, as there. It counts edges of a width that the eye takes
for sharp, so ghosts with sharp edges pass; read it together with LPIPS.

Legend: t frames, c channels (3), h w space; videos in [-1, 1], pictures here ``h w`` in 0..255.
"""

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..errors import EvaluationError
from ..pictures.levels import MOST, on_scale_of_levels
from .metric import check_pair

BLOCK = 64
EDGE_SHARE = 0.002
"""Least share of edge pixels of a block that is evaluated."""
HIGH_CONTRAST = 50
"""Least contrast, in levels, of a block in which blur is noticed more easily."""
JUST_NOTICEABLE = (5, 3)
"""Largest edge width in pixels that does not look blurred, at low and at high contrast."""
_LUMA = (0.299, 0.587, 0.114)
_CANNY = {"low_threshold": 0.0125, "high_threshold": 0.025, "kernel_size": (9, 9), "sigma": (1, 1)}
"""In kornia's scale: 0.1 and 0.2 of an unscaled Sobel filter on values of 0 to 1."""


def cpbd(video: Tensor) -> Tensor:
    """Share of edges that look sharp, in each frame.

    The paper takes an edge of width w in a block with the just noticeable width J for blurred with
    probability ``1 - exp(-(w / J)^3.6)`` and counts those up to 63 %, which is ``w <= J``. Shapes:
    ``t 3 h w`` to ``t``, in [0, 1]; a frame without edges has 0. ``EvaluationError`` for pictures
    below 64 pixels.
    """
    check_pair(video, video)
    if min(video.shape[-2:]) < BLOCK:
        raise EvaluationError(
            f"CPBD looks at blocks of {BLOCK} pixels; the video is only "
            f"{video.shape[3]}x{video.shape[2]}."
        )
    weights = rearrange(torch.tensor(_LUMA), "c -> c 1 1")
    luma = (on_scale_of_levels(video.float().cpu().clamp(-1, 1)) * weights).sum(1).round()
    edges = _canny(luma)
    return torch.tensor([_of_picture(*pair) for pair in zip(luma.numpy(), edges, strict=True)])


def _canny(luma: Tensor) -> np.ndarray:
    """Canny's edges of ``t h w``, as booleans."""
    from kornia.filters import canny

    pictures = rearrange(luma / MOST, "t h w -> t 1 1 h w")
    found = [canny(picture, hysteresis=False, **_CANNY)[1][0, 0].numpy() for picture in pictures]
    # kornia marks strong edges with 1 and weak ones with a half; its own way from there is slow.
    return np.stack([_grow(edges == 1, edges > 0) for edges in found])


def _grow(edges: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Add allowed pixels that touch the edges, until nothing is added."""
    while True:
        padded = np.pad(edges, 1)
        rows = padded[:-2] | padded[1:-1] | padded[2:]
        grown = (rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]) & allowed
        if np.array_equal(grown, edges):
            return edges
        edges = grown


def _of_picture(luma: np.ndarray, edges: np.ndarray) -> float:
    widths = edge_widths(luma)
    sharp = total = 0
    for top in range(0, luma.shape[0] // BLOCK * BLOCK, BLOCK):
        for left in range(0, luma.shape[1] // BLOCK * BLOCK, BLOCK):
            block = np.s_[top : top + BLOCK, left : left + BLOCK]
            if edges[block].mean() <= EDGE_SHARE:
                continue
            found = widths[block][widths[block] > 0]
            has_contrast = np.ptp(luma[block]) > HIGH_CONTRAST
            total += found.size
            sharp += np.count_nonzero(found <= JUST_NOTICEABLE[int(has_contrast)])
    return sharp / total if total else 0.0


def edge_widths(luma: np.ndarray) -> np.ndarray:
    """Width in pixels at every vertical edge of ``h w``, 0 elsewhere.

    From an edge pixel's neighbours on both sides the brightness is followed as long as it goes on
    falling on the dark side and rising on the bright one.
    """
    gradient = _horizontal_gradient(luma)
    rising, falling = _runs(luma), _runs(-luma)
    # Neighbours stand one column to the left and to the right.
    is_up = gradient > 0
    to_left = np.where(is_up, _shift(rising[0], 1), _shift(falling[0], 1))
    to_right = np.where(is_up, _shift(rising[1], -1), _shift(falling[1], -1))
    return np.where(_is_edge(luma, gradient), to_left + to_right + 2, 0)


def _horizontal_gradient(luma: np.ndarray) -> np.ndarray:
    padded = np.pad(luma.astype(np.float64), 1, mode="edge")
    columns = padded[:, 2:] - padded[:, :-2]
    return (columns[:-2] + 2 * columns[1:-1] + columns[2:]) / 8


def _is_edge(luma: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Strong, strongest along the row, and nearly across it: within an eighth of a half turn."""
    strength = gradient**2
    is_peak = (strength > _shift(strength, 1)) & (strength >= _shift(strength, -1))
    vertical = np.abs(_horizontal_gradient(luma.T).T)
    is_across = vertical <= np.tan(np.pi / 8) * np.abs(gradient)
    return (strength > 4 * strength.mean()) & is_peak & is_across


def _runs(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many steps the brightness falls without a break to the left, and rises to the right."""
    steps = luma[:, 1:] > luma[:, :-1]
    left, right = np.zeros(luma.shape, np.int64), np.zeros(luma.shape, np.int64)
    for column in range(steps.shape[1]):
        left[:, column + 1] = np.where(steps[:, column], left[:, column] + 1, 0)
    for column in reversed(range(steps.shape[1])):
        right[:, column] = np.where(steps[:, column], right[:, column + 1] + 1, 0)
    return left, right


def _shift(x: np.ndarray, columns: int) -> np.ndarray:
    """Moved right by one column or left by one; the last column is repeated."""
    padded = np.pad(x, ((0, 0), (1, 1)), mode="edge")
    return padded[:, :-2] if columns == 1 else padded[:, 2:]
