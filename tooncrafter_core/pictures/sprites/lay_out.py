"""Draws a sprite sheet."""

from collections.abc import Iterable

import numpy as np

from .packing import pack
from .pieces import ALPHA, take_pieces
from .values import Layout, SpriteSheet

# h w space, c channels


def lay_out(drawings: Iterable[tuple[str, np.ndarray]], layout: Layout) -> SpriteSheet:
    """Lay drawings, names and ``h w 3`` or ``h w 4`` uint8 of one size, on a sheet.

    Equal drawings, and equal parts of trimmed ones, lie there once. Every pixel keeps its colour
    and alpha to the bit. ``OutputError`` for drawings that cannot lie on one sheet.
    """
    found = take_pieces(drawings, layout)
    places, (width, height) = pack([p.shape[1::-1] for p in found.pieces], layout)
    pixels = np.zeros((height, width, ALPHA + 1), np.uint8)
    for piece, place in zip(found.pieces, places, strict=True):
        place.of(pixels)[:] = piece
    return SpriteSheet(pixels=pixels, sprites=found.sprites, places=places)
