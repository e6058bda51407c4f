"""What a sprite sheet is: pieces of drawings at places of one picture.

Legend: h w space, c channels (4: colour and straight alpha); levels, uint8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import check_number

LARGEST_SIDE = 16384
"""Pixels; what the largest textures of graphics cards have."""
WEBP_SIDE = 16383
"""The longest side that a WebP file can state."""
MOST_PADDING, MOST_COLUMNS = 256, 10_000


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """What lies in it, ``h w c``."""
        return picture[self.y : self.y + self.height, self.x : self.x + self.width]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How drawings are laid on a sheet."""

    trim: bool = False
    """Lay only the rectangle of a drawing in which it is not clear."""
    padding: int = 0
    """Clear pixels between pieces and around all of them."""
    columns: int = 0
    """Of a grid of equal cells; 0 packs pieces close together."""
    power_of_two: bool = False
    """Whether both sides of the sheet are made powers of two."""
    max_size: int = 8192
    """The longest side that the sheet may have; 4096 runs on every phone, 8192 on most."""

    def check(self) -> None:
        """``ToonCrafterError`` for numbers out of their range."""
        of = "of a sprite sheet"
        check_number(f"The padding {of}", self.padding, 0, MOST_PADDING, "pixels", is_whole=True)
        check_number(f"The columns {of}", self.columns, 0, MOST_COLUMNS, "in all", is_whole=True)
        check_number(f"The max size {of}", self.max_size, 1, LARGEST_SIDE, "pixels", is_whole=True)


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """One drawing on a sheet."""

    name: str
    size: tuple[int, int]
    """Width and height of the whole drawing."""
    crop: Box
    """The part of the drawing that is laid on the sheet."""
    piece: int
    """The number of that part among the pieces; equal parts are one piece."""

    @property
    def is_trimmed(self) -> bool:
        """Whether clear borders were left out."""
        return (self.crop.width, self.crop.height) != self.size


@dataclass(frozen=True, kw_only=True, eq=False)
class SpriteSheet:
    """The sheet and what lies where."""

    pixels: np.ndarray
    """``h w 4``, uint8; clear where nothing lies."""
    sprites: Sequence[Sprite]
    places: Sequence[Box]
    """Of each piece."""

    def place(self, sprite: Sprite) -> Box:
        """Where a drawing lies."""
        return self.places[sprite.piece]
