"""Places for pieces on a sheet: a grid of equal cells, or shelves of pieces of falling height."""

import math
from collections.abc import Sequence
from itertools import accumulate

from .pieces import too_large
from .values import Box, Layout

Size = tuple[int, int]
"""Width and height."""

MOST_WIDTHS = 128
"""Widths of a sheet that are tried."""


def pack(sizes: Sequence[Size], layout: Layout) -> tuple[list[Box], Size]:
    """The place of each piece, and the size of the sheet.

    ``OutputError`` where the sheet would be larger than it may be.
    """
    if layout.columns:
        places, size = _grid(sizes, layout)
        return places, _allowed(size, layout)
    tried = [_shelves(sizes, width, layout) for width in _widths(sizes, layout)]
    places, size = min(tried, key=lambda one: (max(one[1]), one[1][0] * one[1][1]))
    return places, _allowed(size, layout)


def _grid(sizes: Sequence[Size], layout: Layout) -> tuple[list[Box], Size]:
    """Rows of equal cells, each as large as the largest piece, pieces at their upper left."""
    columns = min(layout.columns, len(sizes))
    width = max(width for width, _ in sizes) + layout.padding
    height = max(height for _, height in sizes) + layout.padding
    places = [
        Box(layout.padding + i % columns * width, layout.padding + i // columns * height, *size)
        for i, size in enumerate(sizes)
    ]
    rows = math.ceil(len(sizes) / columns)
    return places, _size(columns * width, rows * height, layout)


def _shelves(sizes: Sequence[Size], width: int, layout: Layout) -> tuple[list[Box], Size]:
    """Rows no longer than ``width``, the highest pieces first; equal heights stay in order."""
    places: dict[int, Box] = {}
    x = y = shelf = used = 0
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i][1]):
        piece = sizes[i][0] + layout.padding
        if x and x + piece > width:
            x, y = 0, y + shelf
        if x == 0:
            shelf = sizes[i][1] + layout.padding
        places[i] = Box(layout.padding + x, layout.padding + y, *sizes[i])
        x += piece
        used = max(used, x)
    return [places[i] for i in range(len(sizes))], _size(used, y + shelf, layout)


def _widths(sizes: Sequence[Size], layout: Layout) -> list[int]:
    """Widths to try, without the padding at the left: near the side of a square of all pieces."""
    padded = [(width + layout.padding, height + layout.padding) for width, height in sizes]
    side = math.sqrt(sum(width * height for width, height in padded))
    least = max(width for width, _ in padded)
    # A shelf begins with the highest pieces: sums of their widths fill it without a gap.
    ordered = sorted(padded, key=lambda size: -size[1])
    sums = {max(total, least) for total in accumulate(width for width, _ in ordered)}
    if layout.power_of_two:
        pad = layout.padding
        sums = {max(_power_of_two(total + pad) - pad, least) for total in sums}
    return sorted(sums, key=lambda width: abs(width - side))[:MOST_WIDTHS]


def _size(width: int, height: int, layout: Layout) -> Size:
    """The size of a sheet whose pieces, each with the padding after it, take so much."""
    sides = width + layout.padding, height + layout.padding
    return (_power_of_two(sides[0]), _power_of_two(sides[1])) if layout.power_of_two else sides


def _power_of_two(side: int) -> int:
    """The smallest power of two that is not less."""
    return 1 << (side - 1).bit_length()


def _allowed(size: Size, layout: Layout) -> Size:
    if max(size) > layout.max_size:
        raise too_large(f"The sprite sheet would be {size[0]}x{size[1]}", layout)
    return size
