"""Colours of a clip against its keys and its own neighbouring frames.

Each measure is a number per frame, in CIEDE2000 or a distance in Lab; 0 where nothing is wrong.

Legend: t frames, k keys (2), p colours, c channels (3), h w space; pictures in [-1, 1].
"""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from ...pictures.colour.blocks import blocks_of
from ...pictures.colour.difference import ciede2000, colour_difference, to_lab
from ...pictures.colour.report import NEAR, palette_of


def off_keys(frames: Tensor, keys: Tensor) -> Tensor:
    """How far the first and last frames are from the keys, ``t``; 0 between."""
    ends, true = blocks_of(_unit(frames[[0, -1]])).means, blocks_of(_unit(keys)).means
    off = colour_difference(ends, true).mean(1)
    return torch.cat([off[:1], torch.zeros(len(frames) - 2), off[1:]])


def flicker(frames: Tensor) -> Tensor:
    """How much the mean colour of each frame leaves the middle of its neighbours', ``t``."""
    means = to_lab(blocks_of(_unit(frames)).means).mean(1)
    return F.pad((means[2:] - 2 * means[1:-1] + means[:-2]).norm(dim=1), (1, 1))


def drift(frames: Tensor, keys: Tensor) -> Tensor:
    """How far the flat colours of each frame are from the nearest that the keys have, ``t``."""
    known = to_lab(palette_of(_unit(keys)))
    blocks = blocks_of(_unit(frames))
    found = [_to_nearest(*each, known) for each in zip(blocks.means, blocks.is_flat, strict=True)]
    return torch.stack(found)


def _to_nearest(means: Tensor, is_flat: Tensor, known: Tensor) -> Tensor:
    """The mean difference of flat blocks to the nearest colour, of those that are near one."""
    colours = to_lab(means[is_flat])
    off = ciede2000(colours, known[torch.cdist(colours, known).argmin(dim=1)])
    near = off[off < NEAR]
    return near.mean() if len(near) else torch.zeros(())


def _unit(frames: Tensor) -> Tensor:
    return rearrange(((frames + 1) / 2).clamp(0, 1), "t c h w -> t h w c")
