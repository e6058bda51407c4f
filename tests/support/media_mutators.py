"""Pictures and films with some bytes changed, the same in every run."""

import io
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from support.films import encode, numbered
from support.fuzzing import mutated_bytes

PICTURES = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "TGA")
NAMES = ("a.png", "a.jpg", "a.webp", "a.tif", "a.gif", "a.tga")
FILMS = {
    "a.mp4": ("libx264", "yuv420p"), "a.mkv": ("libx264", "yuv420p"), "a.mov": ("png", "rgb24"),
    "a.avi": ("mpeg4", "yuv420p"), "a.mpg": ("mpeg2video", "yuv420p"), "a.webm": ("vp8", "yuv420p"),
}  # fmt: skip
"""Codec and pixels of each."""


def pictures(folder: Path, count: int) -> Iterator[tuple[str, Path]]:
    """Pictures under names that may be of another format."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    contents = []
    for form in PICTURES:
        for image in (Image.fromarray(noise), Image.fromarray(noise).convert("P")):
            if form in ("JPEG", "WEBP", "PPM") and image.mode == "P":
                continue
            buffer = io.BytesIO()
            image.save(buffer, format=form)
            contents.append(buffer.getvalue())
    frames = [Image.fromarray(np.roll(noise, n, 0)) for n in range(3)]
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        buffer = io.BytesIO()
        frames[0].save(buffer, format=form, save_all=True, append_images=frames[1:])
        contents.append(buffer.getvalue())
    draw = random.Random(1)
    for number in range(count):
        path = folder / draw.choice(NAMES)
        path.write_bytes(mutated_bytes(draw.choice(contents), draw))
        yield f"picture {number} ({path.name})", path


def films(folder: Path, count: int) -> Iterator[tuple[str, Path]]:
    """Films of some formats."""
    contents = {}
    for name, (codec, pixels) in FILMS.items():
        path = folder / "whole" / name
        encode(path, numbered(8), codec=codec, pixel_format=pixels)
        contents[name] = path.read_bytes()
    draw = random.Random(2)
    for number in range(count):
        name = draw.choice(list(FILMS))
        (folder / name).write_bytes(mutated_bytes(contents[name], draw))
        yield f"film {number} ({name})", folder / name
