"""Takes from drawings what is laid on a sheet: trimmed if asked for, equal parts once."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ...errors import OutputError, counted
from ..levels import MOST
from .values import Box, Layout, Sprite

# h w space, c channels

ALPHA = 3
"""The fourth channel."""


@dataclass(kw_only=True)
class Pieces:
    """Parts of drawings, and which of them each drawing is."""

    sprites: list[Sprite] = field(default_factory=list)
    pieces: list[np.ndarray] = field(default_factory=list)
    """Each ``h w 4``, uint8."""


def take_pieces(drawings: Iterable[tuple[str, np.ndarray]], layout: Layout) -> Pieces:
    """Names and pictures, ``h w 3`` or ``h w 4`` uint8 of one size, as sprites with their pieces.

    Drawings are taken one after the other, and only their pieces are kept. A drawing that is all
    clear is one clear pixel when trimmed. ``OutputError`` for no drawings, several sizes, and for
    more pixels than the largest sheet has.
    """
    layout.check()
    found, numbers = Pieces(), dict[bytes, int]()
    area, room = 0, layout.max_size**2
    for name, picture in drawings:
        size = picture.shape[1], picture.shape[0]
        first = found.sprites[0] if found.sprites else None
        if first is not None and size != first.size:
            raise OutputError(
                f"'{name}' is {size[0]}x{size[1]} and '{first.name}' "
                f"{first.size[0]}x{first.size[1]}: drawings of one sprite sheet must have one "
                "size, or they would jump. Save all at the same size."
            )
        whole = with_alpha(picture)
        crop = opaque_box(whole) if layout.trim else Box(0, 0, *size)
        piece = np.ascontiguousarray(crop.of(whole))
        key = hashlib.sha256(repr(piece.shape).encode() + piece.tobytes()).digest()
        if key not in numbers:
            numbers[key] = len(found.pieces)
            found.pieces.append(piece)
            area += (crop.width + layout.padding) * (crop.height + layout.padding)
            if area > room:
                number = counted(len(found.sprites) + 1, "drawing")
                raise too_large(f"The sheet would hold {number}, {area} pixels in all", layout)
        found.sprites.append(Sprite(name=name, size=size, crop=crop, piece=numbers[key]))
    if not found.sprites:
        raise OutputError("A sprite sheet needs at least 1 drawing, and there is none.")
    return found


def with_alpha(picture: np.ndarray) -> np.ndarray:
    """``h w 4`` of ``h w 3``, opaque, or ``h w 4``; ``OutputError`` for anything else."""
    if picture.ndim != 3 or picture.shape[2] not in (ALPHA, ALPHA + 1) or 0 in picture.shape:
        raise OutputError(
            f"A drawing of the shape {picture.shape} cannot be laid on a sprite sheet: it needs "
            "rows, columns, and 3 channels, or 4 with alpha."
        )
    if picture.shape[2] > ALPHA:
        return picture
    return np.concatenate([picture, np.full_like(picture[..., :1], MOST)], axis=2)


def opaque_box(picture: np.ndarray) -> Box:
    """The rectangle of ``h w 4`` outside of which all is clear; one pixel where all is clear."""
    is_seen = picture[..., ALPHA] > 0
    rows, columns = np.flatnonzero(is_seen.any(axis=1)), np.flatnonzero(is_seen.any(axis=0))
    if not len(rows):
        return Box(0, 0, 1, 1)
    left, top = int(columns[0]), int(rows[0])
    return Box(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def too_large(found: str, layout: Layout) -> OutputError:
    """What to do about a sheet that would be too large."""
    ways = ["make the drawings smaller", "lay them on several sheets"]
    ways[1:1] = [] if layout.trim else ["trim them"]
    ways[1:1] = ["choose no number of columns"] if layout.columns else []
    return OutputError(
        f"{found}, and the sheet may have {layout.max_size}x{layout.max_size}: "
        f"{', '.join(ways[:-1])}, or {ways[-1]}."
    )
