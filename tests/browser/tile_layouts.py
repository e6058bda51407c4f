"""Tiles of the example workflows: pictures of what each of them draws, laid out in a grid.

Pictures are h w c, uint8; c is 4 where they are transparent.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIZE = (512, 384)
"""Width and height, pixels."""
BYTE_LIMIT = 40_000
KEY, SKETCH, REGION = (224, 64, 48), (32, 112, 224), (240, 160, 0)
"""Colours of the lines around what was given, and around a region that is drawn again."""
PAPER, CHECKS = (36, 38, 42), ((255, 255, 255), (212, 212, 212))
GAP, LINE, CHECK = 6, 3, 8


@dataclass(frozen=True)
class Cell:
    """One picture of a tile, and the colour of its frame."""

    pixels: np.ndarray
    frame: tuple[int, int, int] | None = None


def spread(count: int, chosen: int) -> list[int]:
    """Places from the first to the last of count, at even distances."""
    return [round(i * (count - 1) / (chosen - 1)) for i in range(chosen)]


def clip(frames: Sequence[np.ndarray], keys: Sequence[int], chosen: int) -> list[Cell]:
    """Frames from the first to the last; of each key the nearest frame gives way to it."""
    places = spread(len(frames), min(chosen, len(frames)))
    for key in keys:
        nearest = min(range(len(places)), key=lambda i: abs(places[i] - key))
        places[nearest] = key
    return [Cell(frames[place], KEY if place in keys else None) for place in places]


def grid(cells: Sequence[Cell], columns: int) -> Image.Image:
    """Cells in rows, as large as the tile has room for, in its middle."""
    rows = math.ceil(len(cells) / columns)
    height, width = cells[0].pixels.shape[:2]
    room = ((SIZE[0] - GAP) / columns - GAP, (SIZE[1] - GAP) / rows - GAP)
    scale = min(room[0] / width, room[1] / height)
    wide, high = int(width * scale), int(height * scale)
    left = (SIZE[0] - columns * (wide + GAP) + GAP) // 2
    top = (SIZE[1] - rows * (high + GAP) + GAP) // 2
    tile = Image.new("RGB", SIZE, PAPER)
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        place(tile, cell, left + column * (wide + GAP), top + row * (high + GAP), wide, high)
    return tile


def ring(cells: Sequence[Cell]) -> Image.Image:
    """Cells in a circle, clockwise from the top: a cycle has no end."""
    tile = Image.new("RGB", SIZE, PAPER)
    wide, high = 118, 74
    for number, cell in enumerate(cells):
        angle = 2 * math.pi * number / len(cells)
        x = SIZE[0] / 2 + math.sin(angle) * (SIZE[0] - wide - 2 * GAP) / 2
        y = SIZE[1] / 2 - math.cos(angle) * (SIZE[1] - high - 2 * GAP) / 2
        place(tile, cell, round(x - wide / 2), round(y - high / 2), wide, high)
    return tile


def large(cell: Cell, others: Sequence[Cell]) -> Image.Image:
    """One cell in the full width, and others in a row under it."""
    tile = Image.new("RGB", SIZE, PAPER)
    wide = (SIZE[0] - GAP) // len(others) - GAP
    high = wide * cell.pixels.shape[0] // cell.pixels.shape[1]
    tall = SIZE[1] - high - 3 * GAP
    width = tall * cell.pixels.shape[1] // cell.pixels.shape[0]
    place(tile, cell, (SIZE[0] - width) // 2, GAP, width, tall)
    for number, other in enumerate(others):
        place(tile, other, GAP + number * (wide + GAP), tall + 2 * GAP, wide, high)
    return tile


def place(tile: Image.Image, cell: Cell, left: int, top: int, wide: int, high: int) -> None:
    """Draw a cell into a tile, whole, with its frame."""
    picture = Image.fromarray(on_checks(cell.pixels))
    tile.paste(picture.resize((wide, high), Image.Resampling.LANCZOS), (left, top))
    if cell.frame is not None:
        box = (left - LINE, top - LINE, left + wide + LINE - 1, top + high + LINE - 1)
        ImageDraw.Draw(tile).rectangle(box, outline=cell.frame, width=LINE + 1)


def on_checks(pixels: np.ndarray) -> np.ndarray:
    """A picture without transparency: what shows through is a chequered ground."""
    if pixels.shape[2] == 3:
        return pixels
    y, x = np.indices(pixels.shape[:2]) // CHECK
    ground = np.array(CHECKS)[(y + x) % 2]
    alpha = pixels[..., 3:] / 255
    return np.uint8(pixels[..., :3] * alpha + ground * (1 - alpha) + 0.5)


def outlined(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A frame with a line around the white of a mask, h w, of any size."""
    height, width = pixels.shape[:2]
    inside = np.asarray(Image.fromarray(mask).resize((width, height))) > 127
    padded = np.pad(inside, 1, mode="edge")
    steps = range(3)
    shifted = [padded[y : y + height, x : x + width] for y in steps for x in steps]
    edge = np.any(shifted, 0) & ~np.all(shifted, 0)
    return np.where(edge[..., None], np.uint8(REGION), pixels)


def write_tile(tile: Image.Image, path: Path) -> None:
    """Save as JPEG in the best quality that stays under the limit."""
    for quality in range(90, 30, -4):
        buffer = io.BytesIO()
        tile.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= BYTE_LIMIT:
            break
    path.write_bytes(buffer.getvalue())
