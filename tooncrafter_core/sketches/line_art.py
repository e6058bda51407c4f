"""Draws the lines of colour pictures, so that a coloured frame or clip can serve as a sketch.

Extended difference of Gaussians after Winnemoeller, Kyprianidis and Olsen, "XDoG: An eXtended
difference-of-Gaussians compendium including advanced image stylization" (Computers & Graphics,
2012). Legend: b batch, c channels, h w space.
"""

import math

import torch
from torch import Tensor

from ..errors import SketchError
from .ink import along_lines

WIDER = 1.6
"""Ratio of the two Gaussians' widths; the value of the XDoG paper."""

STEP_RESPONSE = 0.1117
"""Largest response of the difference of Gaussians to an edge from 0 to 1."""

SIGMA = 0.0025
"""Width of the finer Gaussian at a line width of 1, as a share of the short side."""

SMALLEST_SIGMA = 0.7

SPECK = 4
"""Lines continue for this many widths of the finer Gaussian to both sides; specks do not."""


def line_art(
    images: Tensor,
    line_width: float = 1.0,
    threshold: float = 0.08,
    sharpness: float = 15.0,
) -> Tensor:
    """Draw the outlines of colour pictures as hints: white lines on black.

    ``images`` is ``b 3 h w`` in [-1, 1]; the result ``b 1 h w`` in [0, 1]. ``line_width`` 1 is a
    width that scales with the picture, so that a drawing looks the same at any size;
    ``threshold`` is the contrast, in [0, 1], below which nothing is drawn; ``sharpness`` says how
    fast lines grow from there to full white. Each picture is drawn on its own. ``SketchError``
    for settings out of range and for anything but colour pictures.

    XDoG's soft threshold of the sharpened picture, with a white background in place of the
    picture's own tones: dark areas stay empty, only their outlines are drawn. The channel with
    most contrast decides, so that an outline between colours of one brightness is found too.
    """
    _check(images, line_width, threshold, sharpness)
    pixels = ((images.float() + 1) / 2).clamp(0, 1)
    sigma = max(SIGMA * line_width * min(pixels.shape[-2:]), SMALLEST_SIGMA)
    drawn = [_draw(picture, sigma, threshold, sharpness) for picture in pixels.split(1)]
    return torch.cat(drawn)


def _draw(pixels: Tensor, sigma: float, threshold: float, sharpness: float) -> Tensor:
    """The lines of one picture ``1 3 h w`` in [0, 1], without specks."""
    difference = _blurred(pixels, sigma) - _blurred(pixels, sigma * WIDER)
    edges = -difference.amin(dim=1, keepdim=True) / STEP_RESPONSE
    lines = torch.tanh(sharpness * (edges - threshold).clamp(min=0))
    return lines * (2 * along_lines(lines, SPECK, max(round(sigma), 1))).clamp(max=1)


def _check(images: Tensor, line_width: float, threshold: float, sharpness: float) -> None:
    """Refuse what cannot be drawn."""
    if images.ndim != 4 or images.shape[1] != 3 or not images.numel():
        shape = " x ".join(map(str, images.shape))
        raise SketchError(f"Line art is drawn from colour pictures; got a shape of {shape}.")
    if not 0 < line_width < math.inf:
        raise SketchError(f"The line width must be a finite number over 0; got {line_width:g}.")
    if not 0 <= threshold <= 1:
        raise SketchError(f"The line threshold must lie between 0 and 1; got {threshold:g}.")
    if not 0 < sharpness < math.inf:
        raise SketchError(
            f"The sharpness of lines must be a finite number over 0; got {sharpness:g}."
        )


def _blurred(pixels: Tensor, sigma: float) -> Tensor:
    from kornia.filters import gaussian_blur2d

    size = 2 * max(round(3 * sigma), 1) + 1
    return gaussian_blur2d(pixels, size, (sigma, sigma), "replicate")
