"""The pictures of a sprite sheet as they reach its node: checked, with their alpha and names."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...tooncrafter_core.errors import KeyframeError
from ...tooncrafter_core.pictures.levels import to_levels
from ..bridge.images import to_pixels

ALPHA = 3
"""The fourth channel."""


def with_mask(images: Tensor, mask: Tensor | None) -> Tensor:
    """Pictures as levels, n h w c, with what is clear by a mask; ``KeyframeError`` in words."""
    if images.ndim != 4 or images.shape[-1] not in (ALPHA, ALPHA + 1) or 0 in images.shape:
        raise KeyframeError(
            f"images has the shape {tuple(images.shape)}: a sprite sheet is made of pictures with "
            "three channels, or four with alpha. Connect an IMAGE in colour."
        )
    pictures = images
    if mask is not None:
        masks = mask[None] if mask.ndim == 2 else mask
        if len(masks) == 1 and masks.ndim == 3:
            masks = masks.expand(len(images), -1, -1)
        if masks.shape != images.shape[:3]:
            raise KeyframeError(
                f"mask has the shape {tuple(mask.shape)} and images {tuple(images.shape[:3])}: "
                "connect a mask of the same size, one for all pictures or one for each. Load Image "
                "gives an empty one of 64x64 for a picture without transparency."
            )
        pictures = torch.cat([images[..., :ALPHA], 1 - masks[..., None].to(images)], dim=-1)
    if not torch.isfinite(pictures).all():
        raise KeyframeError(
            "The pictures or the mask hold values that are not numbers (NaN or infinity): look at "
            "what made them."
        )
    return to_levels(to_pixels(pictures)).movedim(1, -1).cpu().contiguous()


def file_names(count: int, names: str) -> list[str]:
    """What pictures are called in the table: by their names, else by their numbers."""
    given = [line.strip() for line in names.splitlines() if line.strip()]
    if given and len(given) != count:
        raise KeyframeError(
            f"There are {len(given)} names for {count} pictures: give one for each."
        )
    return [f"{Path(name).name}.png" for name in given or [f"{i:04d}" for i in range(1, count + 1)]]


def one_by_one(pictures: Tensor, last: np.ndarray | None) -> Iterator[np.ndarray]:
    """Every picture, and the clear one after them if there is one."""
    for picture in pictures:
        yield picture.numpy()
    if last is not None:
        yield last
