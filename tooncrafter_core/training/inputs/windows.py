"""The crop of a training clip that is used, placed where something moves.

Legend: b batch, c channels, t frames, h w space.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from ...errors import TrainingError
from .draws import Draws

LEAST_MOTION = 1e-4
"""Motion that is added everywhere, for clips in which nothing moves."""


class Window(NamedTuple):
    """A part of a picture, in pixels or cells."""

    top: int
    left: int
    height: int
    width: int

    def in_cells(self, cell: int) -> "Window":
        """The same, counted in cells of so many pixels."""
        return Window(*(side // cell for side in self))


def moving_windows(video: Tensor, width: int, height: int, cell: int, draws: Draws) -> list[Window]:
    """Of each clip ``b c t h w`` the part around a pixel that is likely to move.

    ``width`` and ``height`` are in pixels, 0 takes the whole; corners lie on whole cells.
    ``TrainingError`` when the clips are smaller.
    """
    full_height, full_width = video.shape[-2:]
    height, width = height or full_height, width or full_width
    if (height, width) == (full_height, full_width):
        return [Window(0, 0, height, width)] * len(video)
    if height > full_height or width > full_width:
        raise TrainingError(
            f"A crop of {width}x{height} pixels was asked for, the clips have "
            f"{full_width}x{full_height}."
        )
    motion = (video - video[:, :, :1]).abs().mean((1, 2)).flatten(1) + LEAST_MOTION
    places = (motion.cumsum(1) / motion.sum(1, keepdim=True)).contiguous()
    chances = rearrange(draws.uniform(), "b -> b 1").to(video.device)
    chosen = torch.searchsorted(places, chances).clamp(max=motion.shape[1] - 1).flatten()

    def corner(middle: int, side: int, whole: int) -> int:
        return min(max(middle - side // 2, 0), whole - side) // cell * cell

    return [
        Window(
            corner(place // full_width, height, full_height),
            corner(place % full_width, width, full_width),
            height,
            width,
        )
        for place in chosen.tolist()
    ]


def cut_windows(clips: Tensor, windows: Sequence[Window]) -> Tensor:
    """The windows of ``b c t h w`` clips."""
    return torch.stack(
        [
            clip[..., top : top + height, left : left + width]
            for clip, (top, left, height, width) in zip(clips, windows, strict=True)
        ]
    )
