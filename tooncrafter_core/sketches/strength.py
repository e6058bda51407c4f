"""How strong the ink of a drawing is at each pixel: what differs from the background, less noise.

Legend: b batch, c channels, h w space. Pictures are ``1 c h w`` in [0, 1], ink is ``1 1 h w``.
"""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from .ink import EVENNESS, along_lines, border, quantile, shrunk

STRONGEST = 0.995
"""Quantile of the ink that becomes 1, so that a few specks do not set the scale."""

LEAST_CONTRAST = 0.03
"""What differs less than this from the background is not ink."""

THICK = 0.015
"""Widest line, as a share of the short side; wider ink is a filled area."""

NOISE_SHARE = 0.9
LONE_NOISE_SHARE = 0.99
"""Quantiles of the background's noise, and of its chance alignments, that are removed."""

MOST_NOISE = 0.15
"""Largest difference from the background that still counts as noise."""

HUE_NOISE = 3.0
"""Hue must differ from the background by this many times its median difference."""

LINE_REACH = 3
"""Distance in pixels to each side in which a pixel's line is looked for."""


def draws_lines(colour: Tensor, alpha: Tensor) -> bool:
    """Whether transparency draws the lines: clear surroundings, and one colour where opaque."""
    if border(alpha).median() > 0.5 or alpha.amax() - alpha.amin() < LEAST_CONTRAST:
        return False
    opaque = alpha > 0.5
    has_thick_parts = thick_share(opaque.float()) > 0.3 * opaque.float().mean()
    if not has_thick_parts:
        return True
    inside = colour.masked_select(opaque.expand_as(colour)).unflatten(0, (colour.shape[1], -1))
    spread = torch.stack([quantile(c, 0.98) - quantile(c, 0.02) for c in inside])
    return bool(spread.amax() < 0.25)  # a shape in one colour


def over_background(colour: Tensor, alpha: Tensor) -> Tensor:
    """Put the most common opaque colour, or white, behind a transparent picture."""
    if border(alpha).median() > 0.5 or not (alpha > 0.5).any():
        return colour * alpha + (1 - alpha)
    opaque = rearrange(alpha > 0.5, "1 1 h w -> (h w)")
    inside = rearrange(colour, "1 c h w -> c (h w)")[:, opaque]
    dark_on_light = inside.mean(dim=0).median() >= inside.mean()
    background = inside.quantile(0.9 if dark_on_light else 0.1, dim=1)[:, None, None]
    return colour * alpha + background * (1 - alpha)


def ink_on(light: Tensor, background: Tensor) -> Tensor | None:
    """How much each pixel differs from its background, without noise; None when nothing does.

    The difference is relative to the background's brightness, so that a line in the shade is as
    strong as one next to it. Darkness and hue add up to what the most absorbed colour loses, and
    each has its own noise.
    """
    ratio = light / background
    mean = ratio.mean(dim=1, keepdim=True)
    hue = (ratio - mean).abs().amax(dim=1, keepdim=True)
    hue = (hue - HUE_NOISE * quantile(hue, 0.5)).clamp(min=0)
    return normalised((1 - mean).clamp(min=0) + hue, (mean - 1).clamp(min=0))


def normalised(ink: Tensor, noise: Tensor) -> Tensor | None:
    """Ink from 0 to 1: what exceeds the noise, the strongest 1; None when nothing does.

    The noise is measured on the side of the background where ink cannot be, as it is symmetric. A
    pixel must exceed it, and have neighbours along a line that do, which specks have not.
    """
    floor = quantile(noise, NOISE_SHARE).clamp(max=MOST_NOISE)
    kept = (ink - floor).clamp(min=0)
    if floor > EVENNESS:
        least = quantile(along_lines(noise, LINE_REACH), LONE_NOISE_SHARE)
        least = least.clamp(1e-6, MOST_NOISE)
        kept = kept * (along_lines(ink, LINE_REACH) / least - 1).clamp(0, 1)
    top = strongest(kept)
    if top < LEAST_CONTRAST or top < floor:
        return None
    return (kept / top).clamp(0, 1)


def strongest(ink: Tensor) -> float:
    """The strength that few of the pixels with ink exceed; 0 when there is no ink."""
    drawn = ink[ink > LEAST_CONTRAST]
    return float(quantile(drawn, STRONGEST)) if len(drawn) else 0.0


def thick_share(ink: Tensor) -> float:
    """The share of the picture that ink covers in more than lines."""
    small = shrunk(ink)
    radius = max(round(THICK * min(small.shape[-2:])), 1)
    size = 2 * radius + 1
    eroded = -F.max_pool2d(-small, size, 1, radius)
    return float(F.max_pool2d(eroded, size, 1, radius).mean())
