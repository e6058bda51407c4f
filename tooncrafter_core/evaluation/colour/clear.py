"""Drawings with true alpha laid on a matte, taken out again, and measured against the truth.

Legend: h w space. Pictures are ``4 h w`` of straight alpha in [0, 1].
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from ...data.procedural.clear import render_clear
from ...pictures.alpha.matte import Matte, choose_matte, lay_on
from ...pictures.alpha.take_out import take_out
from ..tables import Column, Table

BAND = 3
"""Pixels to both sides of an edge of alpha."""
THRESHOLD = 0.2
"""How far from the matte a pixel is opaque for the threshold key, as a length in RGB."""
NOISE = 0.01
"""Deviation of what a decoder adds."""

Keyer = Callable[[Tensor, Matte], Tensor]


def threshold_key(frame: Tensor, matte: Matte) -> Tensor:
    """On where a pixel is far from the matte, else off."""
    off = (frame - matte.colour[:, None, None]).norm(dim=0)
    return torch.cat([frame, (off > THRESHOLD).float()[None]])


KEYERS: dict[str, Keyer] = {"take out": take_out, "threshold key": threshold_key}


def measure_clear(count: int, first_seed: int = 5_000_000) -> Table:
    """Both keyers on frames between two keys, as they are and with a decoder's noise."""
    rows: dict[str, list[Tensor]] = {}
    for seed in range(first_seed, first_seed + count):
        first, middle, last = (render_clear(seed, u) for u in (0.0, 0.5, 1.0))
        matte = choose_matte([first, last])
        random = torch.Generator().manual_seed(seed)
        for noise, said in ((0.0, ""), (NOISE, ", noise")):
            drawn = lay_on(middle, matte.colour)
            drawn = drawn + noise * torch.randn(drawn.shape, generator=random)
            drawn = (drawn.clamp(0, 1) * 255).round() / 255
            for name, keyer in KEYERS.items():
                found = compare(keyer(drawn, matte), middle)
                rows.setdefault(name + said, []).append(found)
    titles = ("alpha", "alpha at edges", "over black", "over white", "over a picture")
    return Table(
        name="alpha",
        title="Mean absolute errors, in hundredths",
        columns=[Column(title=title, is_higher_better=False) for title in titles],
        rows={name: (torch.stack(each).mean(0) * 100).tolist() for name, each in rows.items()},
        notes=[
            f"{count} drawn figures with holes, thin lines and soft shadows; edges are a band of "
            f"{BAND} pixels to both sides. Noise has a deviation of {NOISE}.",
        ],
    )


def compare(found: Tensor, true: Tensor) -> Tensor:
    """Errors of alpha, of alpha at edges, and of colours over black, white and a picture."""
    off = (found[3] - true[3]).abs()
    side = 2 * BAND + 1
    alpha = true[None, 3:]
    widest = max_pool2d(alpha, side, 1, BAND)
    narrowest = -max_pool2d(-alpha, side, 1, BAND)
    at_edges = (widest - narrowest)[0, 0] > 0.02
    height, width = off.shape
    slope = torch.linspace(0, 1, width).expand(height, width)
    picture = torch.stack([slope, 1 - slope, (slope * 12).sin() / 2 + 0.5])
    grounds = [torch.zeros_like(picture), torch.ones_like(picture), picture]
    over = [(_over(found, ground) - _over(true, ground)).abs().mean() for ground in grounds]
    return torch.stack([off.mean(), off[at_edges].mean(), *over])


def _over(picture: Tensor, ground: Tensor) -> Tensor:
    return picture[:3] * picture[3:] + ground * (1 - picture[3:])
