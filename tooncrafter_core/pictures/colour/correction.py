"""How colours must be changed: measured on pairs of colours, kept as a table, applied to pictures.

Legend: n colours, k clusters of them, h w space. Colours are sRGB in [0, 1], ``n 3``.
"""

import torch
from einops import rearrange
from torch import Tensor

from .difference import colour_difference

SIDE = 33
"""Places of a table along each channel."""
LEVELS_OF_CLUSTERS = 16
"""Colours of one cluster lie in a cube of this many to a channel."""
LEAST_SHARE = 5e-4
"""Of the pairs, in a cluster that counts."""
AGREEING = 0.06
"""How far the difference of a pair is from its cluster's, at most, as a length in RGB."""
REACH = 0.07
"""How far from a measured colour its own remainder counts, as the deviation of a bell."""
UNSEEN = 0.5
"""A mean difference over all clusters up to which nothing has drifted: it cannot be seen."""
_PRIOR, _RIDGE = 0.05, 2e-3
_ROUNDS, _OFFSET = 6, 30.0


def no_correction() -> Tensor:
    """The table that changes nothing: ``3 b g r`` of differences by place."""
    return torch.zeros(3, SIDE, SIDE, SIDE)


def fit_correction(
    seen: Tensor, true: Tensor, weights: Tensor, least: float = LEAST_SHARE
) -> Tensor:
    """The table that brings colours that were seen to the true ones, measured on pairs.

    An affine map of linear light first, robust, drawn to "no change" where the pairs do not decide
    it; then what is left at each measured colour, which counts near that colour. No colour is
    changed further than the furthest measured one. Pairs that do not visibly differ give
    ``no_correction``. ``least`` is the share of pairs that a colour needs to count.
    """
    colours, targets, shares = _clusters(seen, true, weights, least)
    if len(colours) == 0:
        return no_correction()
    drift = colour_difference(colours, targets)
    if (drift * shares).sum() / shares.sum() <= UNSEEN:
        return no_correction()
    affine = _fit_affine(_to_linear(colours), _to_linear(targets), shares)
    grid = _grid()
    by_affine = _apply_affine(affine, grid) - grid
    left = targets - _apply_affine(affine, colours)
    near = torch.exp(-(torch.cdist(grid, colours) ** 2) / (2 * REACH**2)) * shares.sqrt()
    own = near @ left / (near.sum(1, keepdim=True) + _PRIOR * shares.sqrt().mean())
    table = _at_most(by_affine + own, (targets - colours).norm(dim=1).max())
    return rearrange(table, "(b g r) c -> c b g r", b=SIDE, g=SIDE)


def changes(table: Tensor, colours: Tensor) -> Tensor:
    """By how much a table changes colours ``... 3``, each between its 8 nearest places."""
    places = (colours.reshape(1, 1, 1, -1, 3) * 2 - 1).clamp(-1, 1)
    found = torch.nn.functional.grid_sample(
        table[None].to(colours), places, mode="bilinear", padding_mode="border", align_corners=True
    )
    return rearrange(found, "1 c 1 1 n -> n c").reshape(colours.shape)


def corrected(table: Tensor, colours: Tensor) -> Tensor:
    """Colours ``... 3`` after a table; those that it does not change stay to the bit."""
    return (colours + changes(table, colours)).clamp(0, 1) if table.any() else colours


def _clusters(
    seen: Tensor, true: Tensor, weights: Tensor, least: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of alike true colours as one each: what was seen, what is true, the share of pairs.

    Each has the median difference of its pairs, and only where most of them agree: what has moved
    before a ground is no drift of it.
    """
    places = (true * LEVELS_OF_CLUSTERS).long().clamp(0, LEVELS_OF_CLUSTERS - 1)
    numbers = (places[:, 0] * LEVELS_OF_CLUSTERS + places[:, 1]) * LEVELS_OF_CLUSTERS + places[:, 2]
    total = float(weights.sum())
    colours, targets, shares = [], [], []
    for number in numbers.unique():
        members = numbers == number
        share = float(weights[members].sum()) / max(total, 1e-9)
        if share < least:
            continue
        differences = true[members] - seen[members]
        middle = differences.median(dim=0).values
        agrees = (differences - middle).norm(dim=1) < AGREEING
        if agrees.float().mean() < 0.5:
            continue
        target = true[members][agrees].mean(dim=0)
        colours.append((target - middle).clamp(0, 1))
        targets.append(target)
        shares.append(share)
    if not colours:
        return torch.empty(0, 3), torch.empty(0, 3), torch.empty(0)
    return torch.stack(colours), torch.stack(targets), torch.tensor(shares)


def _fit_affine(colours: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
    """``4 3``: what an affine map adds to linear colours with a one after them."""
    inputs = torch.cat([colours, torch.ones(len(colours), 1)], dim=1)
    asked = targets - colours
    trust = torch.ones(len(colours))
    found = torch.zeros(4, 3)
    for _ in range(_ROUNDS):
        weights = (shares.sqrt() * trust)[:, None]
        # Of a gain and an offset that say the same, the gain: it leaves black as it is.
        ridge = _RIDGE * weights.sum() * torch.diag(torch.tensor([1.0, 1, 1, _OFFSET]))
        found = torch.linalg.solve(
            inputs.T @ (inputs * weights) + ridge, inputs.T @ (asked * weights)
        )
        off = (asked - inputs @ found).norm(dim=1)
        scale = off.median().clamp_min(1e-4)
        trust = (2 * scale / off.clamp_min(1e-9)).clamp_max(1)
    return found


def _apply_affine(affine: Tensor, colours: Tensor) -> Tensor:
    linear = _to_linear(colours)
    ones = torch.ones(len(colours), 1)
    # Not clamped: a table is interpolated, and beyond white it must go on as before.
    return _from_linear(linear + torch.cat([linear, ones], dim=1) @ affine)


def _at_most(change: Tensor, most: Tensor) -> Tensor:
    """Differences ``n 3`` that are longer than ``most``, cut to it."""
    return change * (most / change.norm(dim=1, keepdim=True).clamp_min(1e-9)).clamp_max(1)


def _grid() -> Tensor:
    """The colour at every place of a table, red fastest."""
    steps = torch.linspace(0, 1, SIDE)
    blue, green, red = torch.meshgrid(steps, steps, steps, indexing="ij")
    return torch.stack([red, green, blue], dim=-1).reshape(-1, 3)


def _to_linear(colours: Tensor) -> Tensor:
    from kornia.color import rgb_to_linear_rgb

    return rearrange(rgb_to_linear_rgb(rearrange(colours, "n c -> c n 1")), "c n 1 -> n c")


def _from_linear(colours: Tensor) -> Tensor:
    from kornia.color import linear_rgb_to_rgb

    return rearrange(linear_rgb_to_rgb(rearrange(colours, "n c -> c n 1")), "c n 1 -> n c")
