"""Pictures of every width are written and read to their last column and row.

FFmpeg's quick conversions take eight or sixteen columns at a time, and some leave out what is over.
"""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from support.films import exact_colours
from tooncrafter_core.pictures.encode import FrameConverter, encode_film
from tooncrafter_core.pictures.films import open_film
from tooncrafter_core.pictures.films.pixels import PixelReader, look_of
from tooncrafter_core.pictures.formats import FORMATS, Format

WIDTHS = range(33, 57)
HEIGHTS = (32, 33, 37)
PATCH = 16
ROUNDING = 5
"""Levels: 8 bits of limited range store a colour to 1.7, and the result and its alpha are rounded
to 0.5 each; twice that. A column that is left out is off by a hundred."""
WRITTEN = [
    (form.alpha_pixels if has_alpha else form.pixels, form, has_alpha)
    for form in (FORMATS[".mp4"], FORMATS[".webm"], FORMATS[".mov"], FORMATS[".webp"])
    for has_alpha in ((False, True) if form.alpha_pixels else (False,))
]  # fmt: skip
READ = ["yuv420p", "yuva420p", "yuv422p", "yuv444p", "yuva444p", "yuv444p10le", "yuva444p10le",
        "yuv444p12le", "yuva444p12le"]  # fmt: skip
PLAIN = {"rgb24": [0, 1, 2], "rgba": [0, 1, 2, 3], "bgra": [2, 1, 0, 3], "argb": [3, 0, 1, 2],
         "gbrp": [0, 1, 2], "gray": [0], "pal8": [0]}  # fmt: skip
"""How PyAV takes their channels."""


def patches(height: int, width: int, channels: int) -> np.ndarray:
    """Squares of colours and of alpha; the last ones end at the last column and row."""
    rows, columns = (-(-size // PATCH) for size in (height, width))
    colours = np.random.default_rng(width * height).integers(20, 236, (rows, columns, channels))
    wide = colours.astype(np.uint8).repeat(PATCH, axis=0).repeat(PATCH, axis=1)
    return np.ascontiguousarray(wide[-height:, -width:])


def away_from_edges(height: int, width: int, pixel_format: str) -> np.ndarray:
    """Where no neighbour's colour comes in; at the picture's own borders there is none."""
    if "420" not in pixel_format and "422" not in pixel_format:
        return np.ones((height, width), dtype=bool)
    kept = []
    for size in (height, width):
        to_end = np.arange(size)[::-1]
        place = to_end % PATCH
        kept.append((place < PATCH - 5) & ((place >= 5) | (to_end < 5)))
    return kept[0][:, None] & kept[1][None]


def stored(picture: np.ndarray, pixel_format: str) -> Any:
    """A frame whose planes are filled by BT.709's own numbers, zeros after the last column."""
    height, width = picture.shape[:2]
    frame: Any = av.VideoFrame(width, height, pixel_format)
    frame.colorspace, frame.color_range, frame.pts = 1, 1, 0
    frame.time_base = Fraction(1, 24)
    bits = frame.format.components[0].bits
    red, green, blue = (picture[..., channel].astype(float) for channel in range(3))
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    tints = [(blue - light) / 1.8556, (red - light) / 1.5748]
    planes = [16 + light * 219 / 255, *(128 + tint * 224 / 255 for tint in tints)]
    planes = [values * 2 ** (bits - 8) for values in planes]
    planes += [picture[..., 3] * ((2**bits - 1) / 255)] if picture.shape[-1] == 4 else []
    for plane, values in zip(frame.planes, planes, strict=True):
        kept = values[:: -(-height // plane.height), :: -(-width // plane.width)]
        filled = np.zeros((plane.height, plane.line_size // (1 if bits == 8 else 2)))
        filled[:, : plane.width] = kept
        plane.update(filled.round().astype("u1" if bits == 8 else "<u2").tobytes())
    return frame


def over_white(picture: np.ndarray) -> np.ndarray:
    if picture.shape[-1] == 3:
        return picture.astype(float)
    alpha = picture[..., 3:] / 255
    return picture[..., :3] * alpha + 255 * (1 - alpha)


def read(frame: Any) -> np.ndarray:
    look = look_of(
        frame, SimpleNamespace(sample_aspect_ratio=1, codec_context=SimpleNamespace(color_trc=0))
    )
    return PixelReader(look, None, "a film").read(frame).astype(float)


@pytest.mark.parametrize("pixel_format", READ)
def test_yuv_of_every_width_is_read_to_its_last_column(pixel_format: str) -> None:
    for width in WIDTHS:
        for height in HEIGHTS:
            picture = patches(height, width, 4 if "a" in pixel_format else 3)
            off = np.abs(read(stored(picture, pixel_format)) - over_white(picture))
            kept = away_from_edges(height, width, pixel_format)
            assert kept[-1, -1] and off[kept].max() <= ROUNDING, (width, height)


@pytest.mark.parametrize("pixel_format", PLAIN)
def test_rgb_of_every_width_is_read_to_its_last_column(pixel_format: str) -> None:
    order = PLAIN[pixel_format]
    for width in WIDTHS:
        for height in HEIGHTS:
            picture = patches(height, width, max(len(order), 3))
            given: Any = np.ascontiguousarray(
                picture[..., order].squeeze(-1) if len(order) == 1 else picture[..., order]
            )
            if len(order) == 1:
                picture = picture[..., [0, 0, 0]]
            if pixel_format == "pal8":
                palette = np.arange(256, dtype=np.uint8)[:, None].repeat(4, axis=1)
                palette[:, 0] = 255
                given = given, palette
            frame: Any = av.VideoFrame.from_ndarray(given, format=pixel_format)
            frame.pts, frame.time_base = 0, Fraction(1, 24)
            assert np.abs(read(frame) - over_white(picture)).max() <= 1, (width, height)


@pytest.mark.parametrize(("pixel_format", "form", "has_alpha"), WRITTEN)
def test_every_width_is_converted_for_the_encoder_to_its_last_column(
    pixel_format: str, form: Format, has_alpha: bool
) -> None:
    step = 2 if form.has_even_sides else 1
    for width in WIDTHS[step - 1 :: step]:
        for height in HEIGHTS[::3] if form.has_even_sides else HEIGHTS:
            picture = patches(height, width, 4 if has_alpha else 3)
            frame = FrameConverter(pixel_format, form)(picture)
            if form.is_yuv:
                found, kept = exact_colours(frame), away_from_edges(height, width, pixel_format)
            else:
                found, kept = frame.to_ndarray()[..., [2, 1, 0, 3][: picture.shape[-1]]], ...
            assert np.abs(found - picture.astype(float))[kept].max() <= ROUNDING, (width, height)


@pytest.mark.parametrize("extension", [".apng", ".gif", ".webp"])
@pytest.mark.parametrize("channels", [3, 4])
def test_files_of_every_width_come_back_to_their_last_column(
    tmp_path: Path, extension: str, channels: int
) -> None:
    for width in WIDTHS:
        picture = patches(HEIGHTS[width % 3], width, channels)
        if extension == ".gif" and channels == 4:
            picture[..., 3] = np.where(picture[..., 3] < 128, 0, 255)
        path = tmp_path / f"{width}{extension}"
        with path.open("wb") as file:
            encode_film(np.stack([picture, picture[::-1]]), extension, 24, file, lossless=True)
        off = np.abs(open_film(path).read([0])[0] - over_white(picture))
        assert off.max() <= 1, width
