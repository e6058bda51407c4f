"""A matte for keys with transparency: one flat colour, far from every colour that is drawn.

Legend: r keys, h w space. Alpha is straight: a colour is what it is, however clear.
Values are sRGB in [0, 1]; mixing is done on these values, as browsers and drawing programs do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import torch
from einops import rearrange
from torch import Tensor

from ...errors import KeyframeError
from ..colour.difference import colour_difference

LEVELS_OF_CLUSTERS = 24
MOST_COLOURS = 160
LEAST_ALPHA = 0.15
"""Pixels clearer than this hardly show their colour."""
NEAREST = 12.0
"""CIEDE2000 that a matte is away from every colour, at least."""
ALPHA = 3
"""The fourth channel."""


@dataclass(frozen=True, eq=False)
class Matte:
    """What keys are laid on, and the colours that are drawn in them."""

    colour: Tensor
    """``3``."""
    palette: Tensor
    """``p 3``: what the drawings have, those that cover most first."""


def choose_matte(keys: Iterable[Tensor]) -> Matte:
    """The matte for keys, each ``4 h w`` in [0, 1]; they may differ in size. One at a time is read.

    ``KeyframeError`` for keys of which one has no alpha or shows nothing, and for drawings that
    have colours everywhere.
    """
    palette = _palette(_shown(key, number) for number, key in enumerate(keys, start=1))
    candidates = torch.tensor(list(product((0.0, 0.25, 0.5, 0.75, 1.0), repeat=3)))
    distances = colour_difference(candidates[:, None], palette[None])
    nearest = distances.amin(dim=1)
    best = int(nearest.argmax())
    if nearest[best] < NEAREST:
        raise KeyframeError(
            "These keys have colours everywhere: no matte is far enough from all of them to be "
            "taken out again. Lay them on a background, or draw without their transparency."
        )
    return Matte(candidates[best], palette[:MOST_COLOURS])


def lay_on(picture: Tensor, colour: Tensor) -> Tensor:
    """A picture ``4 h w`` of straight alpha on a colour ``3``; gives ``3 h w``, all in [0, 1]."""
    alpha = picture[ALPHA:]
    return picture[:ALPHA] * alpha + colour.to(picture)[:, None, None] * (1 - alpha)


def premultiplied(picture: Tensor) -> Tensor:
    """Straight alpha ``... 4 h w`` to colours that are multiplied by it."""
    colour, alpha = picture.split([ALPHA, 1], dim=-3)
    return torch.cat([colour * alpha, alpha], dim=-3)


def straight(picture: Tensor) -> Tensor:
    """Colours that are multiplied by alpha ``... 4 h w`` to straight alpha; black where clear."""
    colour, alpha = picture.split([ALPHA, 1], dim=-3)
    return torch.cat([(colour / alpha.clamp_min(1e-6)).clamp(0, 1) * (alpha > 0), alpha], dim=-3)


def _shown(key: Tensor, number: int) -> Tensor:
    """A key that has alpha and shows something."""
    if key.shape[0] != ALPHA + 1:
        raise KeyframeError(
            f"Key {number} has no alpha channel and another key has: the ground would change "
            "between them. Save all with transparency, or all with their background."
        )
    if key[ALPHA].max() < LEAST_ALPHA:
        raise KeyframeError(
            f"Key {number} is transparent everywhere: there is nothing to draw. Was the right "
            "layer saved?"
        )
    return key


def _palette(keys: Iterable[Tensor]) -> Tensor:
    """The colours that keys show, straight, those that cover most first."""
    # In double precision, so that a sum does not depend on how many keys it is taken over.
    share = torch.zeros(LEVELS_OF_CLUSTERS**3, dtype=torch.float64)
    total = torch.zeros(LEVELS_OF_CLUSTERS**3, 3, dtype=torch.float64)
    for key in keys:
        pixels = rearrange(key, "c h w -> (h w) c").float().cpu()
        pixels = pixels[pixels[:, ALPHA] > LEAST_ALPHA]
        colours = pixels[:, :ALPHA]
        places = (colours * LEVELS_OF_CLUSTERS).long().clamp(0, LEVELS_OF_CLUSTERS - 1)
        red, green, blue = places.unbind(1)
        numbers = (red * LEVELS_OF_CLUSTERS + green) * LEVELS_OF_CLUSTERS + blue
        # Clear pixels count by how much they show: their colours were rounded.
        share.index_add_(0, numbers, pixels[:, ALPHA].double())
        total.index_add_(0, numbers, (colours * pixels[:, ALPHA:]).double())
    found = share.nonzero()[:, 0]
    order = found[share[found].argsort(descending=True, stable=True)]
    return (total[order] / share[order, None]).float()
