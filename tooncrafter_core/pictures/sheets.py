"""Sheets to look at a clip at once: rows of pictures with a line of words above each.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from .levels import from_levels, to_levels

MOST_FRAMES = 8
"""Frames in a row; of more, evenly spaced ones."""
MARGIN, LINE = 10, 22
PAPER, INK, GREY = (250, 248, 244), (30, 30, 36), (120, 118, 116)
LETTERS = 15


@dataclass(frozen=True)
class SheetRow:
    """One row of a sheet."""

    caption: str
    frames: Tensor
    """A clip, ``t 3 h w``; the clips of a sheet are of one length and size."""
    has_ends_alone: bool = False
    """Show the first and last frames, over those of the other rows, and nothing between."""


def shown_frames(count: int, most: int = MOST_FRAMES) -> list[int]:
    """Indices of evenly spaced frames, both ends among them; all when there are few."""
    shown = min(count, most)
    return [round(i * (count - 1) / max(shown - 1, 1)) for i in range(shown)]


def cross_fade(first: Tensor, last: Tensor, num_frames: int) -> Tensor:
    """A clip that mixes two pictures ``3 h w`` by time, ``t 3 h w``."""
    shares = [index / max(num_frames - 1, 1) for index in range(num_frames)]
    return torch.stack([torch.lerp(first, last, share) for share in shares])


def draw_sheet(
    rows: Sequence[SheetRow], heading: Sequence[str] = (), groups: Sequence[str] = ()
) -> Tensor:
    """The rows below each other under the lines of a heading, as a clip of one frame, ``1 3 h w``.

    With ``groups`` the rows are parted into as many equal ones, each under its name.
    """
    from PIL import Image, ImageDraw, ImageFont

    count, _, height, width = rows[0].frames.shape
    columns = shown_frames(count)
    of_group = len(rows) // len(groups) if groups else len(rows)
    size = (
        max(len(columns) * (width + MARGIN), 640) + MARGIN,
        len(rows) * (height + LINE + MARGIN) + len(groups) * (LINE + MARGIN)
        + (len(heading) + 1) * LINE + 2 * MARGIN,
    )  # fmt: skip
    page = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(LETTERS)
    top = MARGIN
    for line in heading:
        pen.text((MARGIN, top), line, INK, font)
        top += LINE
    for number, row in enumerate(rows):
        if groups and number % of_group == 0:
            top += MARGIN
            pen.text((MARGIN, top), groups[number // of_group], INK, ImageFont.load_default(18))
            top += LINE
        pen.text((MARGIN, top), row.caption, GREY, font)
        top += LINE
        for column, frame in enumerate(columns):
            if row.has_ends_alone and frame not in (0, count - 1):
                continue
            left = MARGIN + column * (width + MARGIN)
            page.paste(Image.fromarray(_levels(row.frames[frame])), (left, top))
        top += height + MARGIN
    for column, frame in enumerate(columns):
        pen.text((MARGIN + column * (width + MARGIN), top), f"frame {frame + 1}", GREY, font)
    return from_levels(rearrange(torch.from_numpy(np.array(page)), "h w c -> 1 c h w"))


def sheet_with_cross_fade(
    video: Tensor, first: Tensor, last: Tensor, heading: Sequence[str], caption: str = "drawn"
) -> Tensor:
    """A clip ``t 3 h w`` between its two drawings ``3 h w`` above, and their cross-fade below."""
    faded = cross_fade(first, last, len(video))
    rows = [
        SheetRow("the two drawings", faded, has_ends_alone=True),
        SheetRow(caption, video),
        SheetRow("cross-fade of the two drawings", faded),
    ]
    return draw_sheet(rows, heading)


def _levels(picture: Tensor) -> np.ndarray:
    """``3 h w`` as the bytes of a picture, ``h w 3``."""
    return rearrange(to_levels(picture.cpu()), "c h w -> h w c").contiguous().numpy()
