"""Reads pictures from files: upright, in sRGB, of any depth, over white where transparent."""

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..errors import KeyframeError, ToonCrafterError
from .colour_profiles import to_srgb
from .foreign import READABLE, what_it_is
from .kinds import LARGEST_PIXELS, check_regular
from .levels import (
    MOST,
    clear_colour_at_8_bits,
    from_levels_to_unit,
    from_unit,
    grey_over_white,
    grey_with_alpha,
    is_deep,
    lay_over_white,
)

if TYPE_CHECKING:
    from PIL.Image import Image

# c channels, h w space

logger = logging.getLogger(__name__)

STILL_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF")
"""What is read, by content. Pillow knows more, some of which runs programs (EPS: Ghostscript)."""
BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    EOFError, RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow raises for files that break its expectations."""
STRIP = 1 << 22
"""Pixels that are converted at a time."""
REDUCED = 1
"""TIFF's mark of a page that is a smaller copy of another."""


def read_image(path: str | Path) -> Tensor:
    """Read a picture as ``3 h w``, float32 in [-1, 1].

    Turned as its EXIF note says; colour profiles become sRGB; palettes and 16-bit greys are
    understood; what is transparent shows white, which is logged. ``KeyframeError`` when there is no
    ordinary file, it holds no picture or several, or is too large. SPEC section 7.
    """
    return rearrange(to_range(read_pixels(path)), "h w c -> c h w")


def read_keyframe(path: str | Path) -> Tensor:
    """Like ``read_image``, ``3 h w``, but uint8 of 256 levels where the file holds no more.

    So a large scan takes a quarter of the memory; ``check_keyframes`` and ``fit`` take both.
    """
    pixels = read_pixels(path)
    levels = torch.from_numpy(pixels) if pixels.dtype == np.uint8 else to_range(pixels)
    return rearrange(levels, "h w c -> c h w")


def read_levels(path: str | Path) -> np.ndarray:
    """Like ``read_image``, as ``h w 3`` uint8."""
    pixels = read_pixels(path)
    return pixels if pixels.dtype == np.uint8 else np.rint(pixels * MOST).astype(np.uint8)


def read_drawing(path: str | Path) -> Tensor:
    """Like ``read_image``, as ``1 c h w``, with a fourth channel where it has transparency."""
    return rearrange(to_range(_drawing(Path(path))), "h w c -> 1 c h w")


def read_unit(path: str | Path) -> np.ndarray:
    """Like ``read_drawing``, as ``h w c`` float32 in [0, 1]; a level is its 255th, to the bit."""
    pixels = _drawing(Path(path))
    return from_levels_to_unit(pixels) if pixels.dtype == np.uint8 else pixels


def _drawing(path: Path) -> np.ndarray:
    with _upright(path) as image:
        if has_alpha(image) and is_deep(image):
            return grey_with_alpha(image, path)
        return np.asarray(_with_alpha(image)) if has_alpha(image) else _pixels(image, path)


def to_range(pixels: np.ndarray) -> Tensor:
    """Levels (uint8), or float32 in [0, 1], to float32 in [-1, 1]."""
    if pixels.dtype == np.uint8:
        pixels = from_levels_to_unit(pixels)
    return from_unit(torch.from_numpy(pixels))


def read_pixels(path: str | Path) -> np.ndarray:
    """``h w 3``: uint8, or float32 in [0, 1] of pictures with more than 8 bits."""
    with _upright(Path(path)) as image:
        return _pixels(image, Path(path))


@contextmanager
def _upright(path: Path) -> "Iterator[Image]":
    """The only picture of a file, upright."""
    from PIL import ImageOps

    if not path.exists():
        raise KeyframeError(f"There is no picture at '{path}'.")
    with opened(path, KeyframeError) as image:
        frames = count_frames(image)
        if frames > 1:
            raise KeyframeError(
                f"'{path}' holds {frames} pictures, and one is needed here. Save the one you mean "
                "as a picture of its own."
            )
        ImageOps.exif_transpose(image, in_place=True)
        yield image


def count_frames(image: Any) -> int:
    """The pictures in an open file; previews of cameras and smaller copies do not count."""
    frames = int(getattr(image, "n_frames", 1))
    if frames == 1 or image.format == "MPO":
        return 1
    if image.format != "TIFF":
        return frames
    counted = 0
    for number in range(frames):
        image.seek(number)
        counted += not image.tag_v2.get(254, 0) & REDUCED
    image.seek(0)
    return counted


@contextmanager
def opened(path: Path, kind: type[ToonCrafterError]) -> "Iterator[Image]":
    """A picture file of a format that is read; errors while it is open are of class ``kind``."""
    from PIL import Image

    check_regular(path, kind)
    if not Image.OPEN or "TIFF" not in Image.OPEN:
        Image.init()
    formats = [name for name in STILL_FORMATS if name in Image.OPEN]
    # A TGA has no mark of its own; by content alone any file could pass for one.
    formats += ["TGA"] * (path.suffix.lower() == ".tga")
    try:
        # Pillow warns of pictures that are large but allowed.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=formats)
        with image:
            _check_size(path, image.size, kind)
            clear_colour_at_8_bits(image)
            yield image
    except ToonCrafterError:
        raise
    except Image.DecompressionBombError as error:
        _check_size(path, _size_in_header(path, formats), kind)
        raise kind(f"'{path}' is damaged: it states a size that no picture has.") from error
    except Image.UnidentifiedImageError as error:
        it_is = what_it_is(path) or f"none of {READABLE}, whatever its name says"
        raise kind(
            f"'{path}' cannot be read as a picture: it is {it_is}. Save it as PNG."
        ) from error
    except BROKEN as error:
        raise kind(
            f"'{path}' cannot be read as a picture: {error or type(error).__name__}. The file is "
            "damaged, or of a kind that Pillow does not read; save it again, as PNG."
        ) from error


def _check_size(path: Path, size: tuple[int, int], kind: type[ToonCrafterError]) -> None:
    width, height = size
    if width * height > LARGEST_PIXELS:
        raise kind(
            f"'{path}' is {width} x {height}, {width * height / 1e6:.0f} million pixels; at most "
            f"{LARGEST_PIXELS // 10**6} million are read. Make it smaller: nothing is drawn larger "
            "than a few thousand pixels."
        )


def _size_in_header(path: Path, formats: list[str]) -> tuple[int, int]:
    """Width and height of a picture that Pillow refuses to open for its size."""
    from PIL import Image

    with path.open("rb") as file:
        head = file.read(16)
        for name in formats:
            factory, accept = Image.OPEN[name]
            if accept is None or accept(head) is not True:
                continue
            file.seek(0)
            try:
                return factory(file, str(path)).size
            except (*BROKEN, Image.DecompressionBombError):
                continue
    return 0, 0


def has_alpha(image: "Image") -> bool:
    """Whether a picture has an alpha channel or a transparent colour."""
    return "A" in image.getbands() or "transparency" in image.info


def over_white(image: "Image") -> tuple[np.ndarray, bool]:
    """``h w 3`` uint8 of a picture of 8 bits, and whether any of it was transparent.

    A strip of rows at a time: Pillow's copies of a whole scan would take gigabytes.
    """
    width, height = image.size
    pixels, is_transparent = np.empty((height, width, 3), np.uint8), False
    rows = max(STRIP // width, 1)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        pixels[top : top + rows], has_clear = _strip_over_white(strip)
        is_transparent |= has_clear
    return pixels, is_transparent


def _strip_over_white(image: "Image") -> tuple[np.ndarray, bool]:
    if not has_alpha(image):
        return np.asarray(to_srgb(image)), False
    rgba = np.asarray(_with_alpha(image))
    is_transparent = rgba[..., 3].min() < MOST
    return (lay_over_white(rgba) if is_transparent else rgba[..., :3]), bool(is_transparent)


def _with_alpha(image: "Image") -> "Image":
    rgba = image.convert("RGBA")
    colour = to_srgb(rgba.convert("RGB"), image)
    colour.putalpha(rgba.getchannel("A"))
    return colour


def _pixels(image: "Image", path: Path) -> np.ndarray:
    """``h w 3`` of any kind of picture: uint8, or float32 in [0, 1] of more than 8 bits."""
    if is_deep(image):
        return grey_over_white(image, path)
    pixels, is_transparent = over_white(image)
    if is_transparent:
        logger.info("'%s' is transparent in places: white is put behind it.", path)
    return pixels
