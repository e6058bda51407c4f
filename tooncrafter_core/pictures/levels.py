"""From floats to the levels of picture files, and back: the one place of these constants.

Networks and measures take pictures in [-1, 1]; files hold bytes. Values are clamped and rounded to
the nearest of 256 levels. The official program cuts the fraction off instead, half a level darker.
"""

import numpy as np
import torch
from torch import Tensor

MOST, MOST_IN_16_BITS = 255, 65535
"""The level of white."""
_HALF = 127.5


def from_levels(pixels: Tensor) -> Tensor:
    """Levels to float32 in [-1, 1], of any shape."""
    return pixels.float() / _HALF - 1


def to_levels(values: Tensor) -> Tensor:
    """Values in [-1, 1] to the nearest levels, uint8, of any shape."""
    return on_scale_of_levels(values.float().clamp(-1, 1)).round().to(torch.uint8)


def at_levels(values: Tensor) -> Tensor:
    """Values in [-1, 1] as they come back from a file: float32, rounded to levels."""
    return from_levels(to_levels(values))


def on_scale_of_levels(values: Tensor) -> Tensor:
    """Values in [-1, 1] on the scale of 0 to 255, neither clamped nor rounded."""
    return (values + 1) * _HALF


def from_levels_to_unit(pixels: np.ndarray, most: int = MOST) -> np.ndarray:
    """Levels to float32 in [0, 1], where ``most`` is white; of any shape."""
    return pixels.astype(np.float32) / most


def from_unit(values: Tensor) -> Tensor:
    """Values in [0, 1] to [-1, 1], as the official program computes them."""
    return (values - 0.5) * 2


def lay_over_white(rgba: np.ndarray) -> np.ndarray:
    """Levels ``h w 4`` to ``h w 3``, uint8: white shows where the fourth, alpha, is not full."""
    alpha = rgba[..., 3:].astype(np.uint16)
    colour = rgba[..., :3] * alpha + MOST * (MOST - alpha)
    return ((colour + MOST // 2) // MOST).astype(np.uint8)
