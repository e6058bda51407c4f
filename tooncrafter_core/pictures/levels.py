"""From floats to the levels of picture files, and back: the one place of these constants.

Networks and measures take pictures in [-1, 1]; files hold bytes. Values are clamped and rounded to
the nearest of 256 levels. The official program cuts the fraction off instead, half a level darker.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..errors import KeyframeError

if TYPE_CHECKING:
    from PIL.Image import Image

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


def is_deep(image: "Image") -> bool:
    """Whether a picture is a grey of more than 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def read_grey(image: "Image", path: Path) -> np.ndarray:
    """A deep grey ``h w``, float32 in [0, 1]; ``KeyframeError`` for values beyond."""
    grey = np.asarray(image, dtype=np.float32)
    grey = grey if image.mode == "F" else from_levels_to_unit(grey, MOST_IN_16_BITS)
    if not (grey.min() >= 0 and grey.max() <= 1):
        raise KeyframeError(f"'{path}' has grey values beyond black and white; save as 8 bit.")
    return grey


def is_clear_grey(image: "Image") -> np.ndarray:
    """Where a deep grey ``h w`` has the level that stands for clear."""
    clear = image.info.get("transparency")
    levels = np.asarray(image)
    return levels == clear if isinstance(clear, int) else np.zeros(levels.shape, dtype=bool)


def clear_colour_at_8_bits(image: "Image") -> None:
    """Cut the clear colour of an open file of 16 bits to the 8 that its pixels are read with."""
    clear = image.info.get("transparency")
    is_cut = any("RGB;16" in str(one) for tile in getattr(image, "tile", ()) for one in tile)
    if isinstance(clear, tuple) and image.mode == "RGB" and is_cut:
        image.info["transparency"] = tuple(level >> 8 for level in clear)


def grey_with_alpha(image: "Image", path: Path) -> np.ndarray:
    """A deep grey of which one level is clear, ``h w 4``, float32 in [0, 1]."""
    grey = read_grey(image, path)
    return np.stack([grey, grey, grey, (~is_clear_grey(image)).astype(np.float32)], axis=2)


def grey_over_white(image: "Image", path: Path) -> np.ndarray:
    """A deep grey of which one level may be clear, over white, ``h w 3``, float32 in [0, 1]."""
    grey = np.where(is_clear_grey(image), np.float32(1), read_grey(image, path))
    return np.repeat(grey[..., None], 3, axis=2)
