"""One picture of many clips: three frames of each, and whether it was kept."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import DatasetError
from ...pictures.films import open_film
from .decide import KEPT, Row

TILE = (128, 96)
MOST = 60
"""Largest number of clips on a sheet; of more, evenly spaced ones are shown."""


def contact_sheet(rows: Sequence[Row], columns: int = 3) -> bytes | None:
    """A JPEG of clips, kept ones marked green; None when there is none to show."""
    from PIL import Image, ImageDraw

    clips = [row for row in rows if row["clip_id"] and not row["error"]]
    clips = [clips[i * len(clips) // MOST] for i in range(MOST)] if len(clips) > MOST else clips
    tiles = []
    for row in clips:
        try:
            tiles.append((row, _three(row)))
        except DatasetError:  # a film that has gone since; its row is in the tables
            continue
    if not tiles:
        return None
    width, height = TILE[0] * 3 + 8, TILE[1] + 34
    lines = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (width * columns, height * lines), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (row, pictures) in enumerate(tiles):
        x, y = number % columns * width, number // columns * height
        for i, picture in enumerate(pictures):
            tile = Image.fromarray(picture)
            tile.thumbnail(TILE)
            sheet.paste(tile, (x + i * TILE[0], y + 26))
        is_kept = row["decision"] == KEPT
        name = f"{Path(row['source']).stem[:24]} {row['in_frame']}-{row['out_frame']}"
        scores = " ".join(
            f"{score} {row[score]:.3f}" for score in ("motion", "text", "aesthetic", "agreement")
            if row[score] is not None
        )  # fmt: skip
        fate = row["split"] if is_kept else row["reason"].split(" (")[0]
        draw.text((x + 2, y), f"{name}  {fate}".encode("ascii", "replace").decode(),
                  fill="green" if is_kept else "red")  # fmt: skip
        draw.text((x + 2, y + 12), scores, fill="black")
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _three(row: Row) -> np.ndarray:
    """The first, middle and last frame of a clip."""
    first, last = row["in_frame"], row["out_frame"] - 1
    return open_film(row["source"]).read(sorted({first, (first + last) // 2, last}))
