"""The formats that films are written in: containers, codecs, and what each can hold."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..errors import OutputError

# h w space, c channels


@dataclass(frozen=True, kw_only=True)
class Format:
    """How a film of one extension is written."""

    container: str
    codec: str
    """Both as FFmpeg names them."""
    pixels: str
    alpha_pixels: str | None = None
    """The pixel format of films with alpha; None where the format has none."""
    options: Mapping[str, str] = field(default_factory=dict)
    alpha_options: Mapping[str, str] = field(default_factory=dict)
    lossless_options: Mapping[str, str] = field(default_factory=dict)
    has_even_sides: bool = False
    """Whether sides are made even, as colours are stored for 2x2 pixels."""
    is_yuv: bool = False
    """Whether colours are stored as BT.709 in limited range, rather than as sRGB."""
    most_fps: float = 1000
    tick: Fraction | None = None
    """Seconds that times are counted in; None where each rate has a tick of its own."""


_H264 = {"crf": "16", "preset": "slow"}
_ANIMATED_PNG = Format(container="apng", codec="apng", pixels="rgb24", alpha_pixels="rgba")
FORMATS: dict[str, Format] = {
    ".mp4": Format(
        container="mp4", codec="libx264", pixels="yuv420p", options=_H264, has_even_sides=True,
        is_yuv=True,
    ),
    ".mkv": Format(
        container="matroska", codec="libx264", pixels="yuv420p", options=_H264,
        has_even_sides=True, is_yuv=True,
    ),
    ".webm": Format(
        container="webm", codec="libvpx-vp9", pixels="yuv420p", alpha_pixels="yuva420p",
        # No frames that are not shown: players of alpha lose count of them.
        options={"crf": "20", "b": "0"}, alpha_options={"auto-alt-ref": "0"}, has_even_sides=True,
        is_yuv=True,
    ),
    ".mov": Format(
        container="mov", codec="prores_ks", pixels="yuv444p10le", alpha_pixels="yuva444p10le",
        # 4444, which has alpha and colours for every pixel; Final Cut asks who has made it.
        options={"profile": "4444", "vendor": "apl0"}, is_yuv=True,
    ),
    ".gif": Format(
        container="gif", codec="gif", pixels="pal8", alpha_pixels="pal8",
        # Every frame whole: what leaves out unchanged pixels marks them as transparent.
        options={"gifflags": "-offsetting-transdiff"}, most_fps=50, tick=Fraction(1, 100),
    ),
    ".webp": Format(
        container="webp", codec="libwebp", pixels="bgra", alpha_pixels="bgra",
        options={"quality": "90"}, lossless_options={"lossless": "1"}, tick=Fraction(1, 1000),
    ),
    ".png": _ANIMATED_PNG,
    ".apng": _ANIMATED_PNG,
}  # fmt: skip
"""By extension."""

SLOWEST = 0.1
"""Frames a second."""


def check_fps(extension: str, fps: float) -> None:
    """``OutputError`` for a rate that nothing can play; pictures in a folder have no extension."""
    most = FORMATS[extension].most_fps if extension else 1000
    if not SLOWEST <= fps <= most:
        raise OutputError(f"This video can play at {SLOWEST} to {most:g} fps, not at {fps}.")


def check_alpha(extension: str) -> None:
    """``OutputError`` for a format that holds no transparency; folders of pictures do."""
    if extension and FORMATS[extension].alpha_pixels is None:
        holding = [name for name, one in FORMATS.items() if one.alpha_pixels is not None]
        raise OutputError(
            f"'{extension}' holds no transparency, and these frames have some. Write "
            f"{', '.join(holding)} or a folder of pictures, or lay the frames over a colour."
        )


def encode_png(picture: np.ndarray) -> bytes:
    """One picture ``h w c``, grey, colour or colour with alpha, as a PNG file in sRGB."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    notes, buffer = PngInfo(), io.BytesIO()
    notes.add(b"sRGB", b"\0")
    Image.fromarray(picture).save(buffer, format="PNG", pnginfo=notes)
    return buffer.getvalue()
