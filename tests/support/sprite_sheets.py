"""Cuts a sprite sheet up again by its table, with nothing of ours but the two files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def entries_in(text: str) -> list[dict[str, Any]]:
    """The entries of a table of either shape, each with its name."""
    frames = json.loads(text)["frames"]
    if isinstance(frames, list):
        return frames
    return [{"filename": name, **entry} for name, entry in frames.items()]


def cut_up(pixels: np.ndarray, entries: list[dict[str, Any]]) -> list[np.ndarray]:
    """Every drawing of a sheet ``h w 4``, put back where it was in the whole drawing."""
    drawings = []
    for entry in entries:
        place, source = entry["frame"], entry["spriteSourceSize"]
        assert (place["w"], place["h"]) == (source["w"], source["h"])
        assert place["x"] >= 0 and place["x"] + place["w"] <= pixels.shape[1]
        assert place["y"] >= 0 and place["y"] + place["h"] <= pixels.shape[0]
        size = entry["sourceSize"]
        assert entry["trimmed"] == ((source["w"], source["h"]) != (size["w"], size["h"]))
        assert entry["rotated"] is False
        whole = np.zeros((size["h"], size["w"], 4), np.uint8)
        whole[source["y"] : source["y"] + source["h"], source["x"] : source["x"] + source["w"]] = (
            pixels[place["y"] : place["y"] + place["h"], place["x"] : place["x"] + place["w"]]
        )
        drawings.append(whole)
    return drawings


def read_sprites(sheet: Path) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    """The entries of the table next to a sheet, and their drawings; checks what it says of both."""
    text = sheet.with_suffix(".json").read_text(encoding="utf-8")
    meta = json.loads(text)["meta"]
    with Image.open(sheet) as image:
        assert image.mode == "RGBA"
        pixels = np.asarray(image)
    assert (meta["image"], meta["format"], meta["scale"]) == (sheet.name, "RGBA8888", "1")
    assert meta["size"] == {"w": pixels.shape[1], "h": pixels.shape[0]}
    entries = entries_in(text)
    return entries, cut_up(pixels, entries)
