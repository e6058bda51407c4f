"""Which pictures count as transparent."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.pictures.stills import read_drawing, read_pixels, read_unit
from tooncrafter_core.pictures.transparency import (
    can_be_transparent,
    is_transparent,
    transparency_note,
)


def saved(path: Path, kind: str) -> Path:
    """A picture of 4x4 pixels with one black pixel, which is clear where the kind says so."""
    grey = np.full((4, 4), 200, dtype=np.uint8)
    grey[1, 1] = 0
    image = Image.fromarray(grey)
    if kind == "clear":
        image.putalpha(Image.fromarray(grey.astype(bool)))
    elif kind == "opaque with alpha":
        image = image.convert("RGBA")
    elif kind == "clear colour":
        image.save(path, transparency=0)
        return path
    elif kind == "clear grey of 16 bits":
        Image.fromarray(grey.astype(np.uint16)).save(path, transparency=0)
        return path
    image.save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "has_channel", "is_clear"),
    [
        ("opaque", False, False),
        ("opaque with alpha", True, False),
        ("clear", True, True),
        ("clear colour", True, True),
        ("clear grey of 16 bits", True, True),
    ],
)
def test_a_picture_is_transparent_where_a_pixel_is(
    tmp_path: Path, kind: str, has_channel: bool, is_clear: bool
) -> None:
    path = saved(tmp_path / "a.png", kind)
    assert can_be_transparent(path) == has_channel
    assert is_transparent(path) == is_clear


def test_only_transparent_pictures_are_named(tmp_path: Path) -> None:
    files = {kind: saved(tmp_path / f"{kind}.png", kind) for kind in ("opaque", "clear")}
    assert transparency_note({"opaque": files["opaque"]}) is None
    assert transparency_note(files) == "White is put behind what is transparent, in 'clear'."


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(KeyframeError, match=r"'.*a\.png' cannot be read as a picture"):
        is_transparent(tmp_path / "a.png")


def png_of_16_bits(path: Path, levels: np.ndarray, clear: int) -> Path:
    """A PNG file of a grey ``h w`` or a colour ``h w 3`` with a clear one, all its values alike."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    is_colour = levels.ndim == 3
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", *levels.shape[1::-1], 16, 2 if is_colour else 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
        + chunk(b"tRNS", struct.pack(">H", clear) * (3 if is_colour else 1))
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip
    return path


def test_greys_of_16_bits_with_a_clear_one_keep_their_tones(tmp_path: Path) -> None:
    tones = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    path = png_of_16_bits(tmp_path / "a.png", tones, 257)
    unit = read_unit(path)
    assert np.abs(unit[..., 0] - tones / 65535).max() < 1e-6
    assert (unit[..., 3] == (tones != 257)).all()
    drawing = read_drawing(path)[0].numpy()
    assert np.abs((drawing + 1) / 2 - unit.transpose(2, 0, 1)).max() < 1e-6
    # Over white the tones were right before.
    assert np.abs(read_pixels(path)[0, 2:, 0] - tones[0, 2:] / 65535).max() < 1e-6


def test_colours_of_16_bits_with_a_clear_one_are_clear_there(tmp_path: Path) -> None:
    levels = np.full((4, 4, 3), 40000, dtype=np.uint16)
    levels[1, 1] = 4660
    levels[2, 2] = 65535
    path = png_of_16_bits(tmp_path / "a.png", levels, 4660)
    assert is_transparent(path)
    unit = read_unit(path)
    assert (unit[..., 3] == 0).nonzero() == ([1], [1])
    assert unit[2, 2].tolist() == [1, 1, 1, 1]
    assert read_pixels(path)[1, 1].tolist() == [255, 255, 255]
