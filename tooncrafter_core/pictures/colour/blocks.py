"""Pictures as blocks of a few pixels: their mean colours, and how flat each is.

Means over blocks are the same for a sharp drawing and a soft one, so that a lost line is not taken
for a lost colour.

Legend: t frames, b blocks, h w space. Colours are sRGB in [0, 1].
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

ACROSS = 48
"""Blocks along the shorter side, about."""
FLAT = 0.02
"""The deviation of the colours of a block that is flat."""
WEIGHT_OF_UNEVEN = 0.03


@dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """The blocks of every picture of a clip."""

    means: Tensor
    """``t b 3``."""
    is_flat: Tensor
    """``t b``."""

    def __getitem__(self, number: int) -> "Blocks":
        return Blocks(means=self.means[number], is_flat=self.is_flat[number])


def blocks_of(pictures: Tensor) -> Blocks:
    """The blocks of pictures ``t h w 3``; what is left over at the right and below is not seen."""
    height, width = pictures.shape[1:3]
    side = max(min(height, width) // ACROSS, 1)
    fitting = pictures[:, : height // side * side, : width // side * side]
    tiles = rearrange(fitting, "t (y p) (x q) c -> t (y x) (p q) c", p=side, q=side)
    means = tiles.mean(dim=2)
    # As squares: torch's own deviation takes ten times as long over so short an axis.
    variance = (tiles.square().mean(dim=2) - means.square()).amax(dim=-1)
    return Blocks(means=means, is_flat=variance < FLAT**2)


def weights_of(*several: Blocks) -> Tensor:
    """``b``: 1 for blocks that are flat in all of these pictures, else next to nothing."""
    is_flat = torch.stack([blocks.is_flat for blocks in several]).all(dim=0)
    return torch.where(is_flat, 1.0, WEIGHT_OF_UNEVEN)
