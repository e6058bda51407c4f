"""The file of a sprite sheet: PNG or lossless WebP."""

import io

import numpy as np

from ...errors import OutputError
from ..formats import encode_png
from .values import WEBP_SIDE

# h w space, c channels

ENDINGS = (".png", ".webp")


def check_ending(ending: str) -> None:
    """``OutputError`` for a file that a sprite sheet cannot be."""
    if ending.lower() not in ENDINGS:
        raise OutputError(
            f"A sprite sheet is written as {' or '.join(ENDINGS)}, and '{ending}' is neither. Name "
            "it such as sheet.png."
        )


def encode_sheet(pixels: np.ndarray, ending: str) -> bytes:
    """A sheet ``h w 4``, uint8, as a file; colours of clear pixels are kept, too.

    ``OutputError`` for a side that WebP cannot state, and for other endings.
    """
    check_ending(ending)
    if ending.lower() == ".png":
        return encode_png(pixels)
    height, width = pixels.shape[:2]
    if max(width, height) > WEBP_SIDE:
        raise OutputError(
            f"The sprite sheet is {width}x{height}, and WebP has at most {WEBP_SIDE} pixels a "
            "side: write a .png, or lay the drawings on several sheets."
        )
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="WEBP", lossless=True, exact=True)
    return buffer.getvalue()
