"""Flow to both keyframes as a decoder refines it, level by level, with the features it moves.

Legend: t frames, c channels, h w space, r references (2).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from ...layers.operations import Factory, Operations
from .picture_choice import LARGEST_CHANGE, PICTURES, bounded, mean_around
from .warping import warp

if TYPE_CHECKING:
    from typing_extensions import Unpack

FARTHEST_STEP = 8.0
"""Cells by which a level can change the flow. Without bounds a flow that is wrong makes layers see
what makes it worse, until nothing is ever moved."""
HIDDEN = 32
"""Channels of a refinement's layers."""
EVENED, LEAST_SHARE = 41, 1e-3
"""Pixels over which flow is averaged, twice, and what counts of those that are not moved."""
FLOW = 4
"""Channels of the maps: flow to both keyframes; then follow the weights of the pictures."""


class Refinement(nn.Module):
    """Improves the flow of one level and adds to the features what it moves there."""

    def __init__(self, channels: int, operations: Operations, **factory: "Unpack[Factory]") -> None:
        super().__init__()
        conv, hidden = operations.Conv2d, HIDDEN
        self.reduce = conv(channels, hidden // 2, 1, **factory)
        self.reduce_references = conv(channels, hidden // 2, 1, **factory)
        # The frame, both keyframes moved and as they are, and where either pair disagrees.
        self.mix = conv(7 * (hidden // 2) + FLOW + PICTURES, hidden, 3, padding=1, **factory)
        self.norm = operations.GroupNorm(4, hidden, eps=1e-5, **factory)
        self.deepen = conv(hidden, hidden, 3, padding=1, **factory)
        self.maps = conv(hidden, FLOW + PICTURES, 3, padding=1, **factory)
        self.aligned = conv(2 * channels, channels, 1, **factory)

    def last_of_branch(self) -> tuple[nn.Module, ...]:
        """Zero when training begins; see ``init_layers``."""
        return (self.maps, self.aligned)

    def forward(self, x: Tensor, maps: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``t c h w`` and maps ``t 9 h w`` of this level's size, both improved."""
        moved = self._reduced(move_references(reference, maps).to(x))
        still = self._reduced(rearrange(reference, "c r h w -> 1 r c h w").to(x)).expand_as(moved)
        pairs = [moved, (moved[:, 0] - moved[:, 1]).abs(), still, (still[:, 0] - still[:, 1]).abs()]
        known = (maps / FARTHEST_STEP).to(x)
        h = torch.cat([self.reduce(x), *(pair.flatten(1, -3) for pair in pairs), known], dim=1)
        h = F.silu(self.norm(self.mix(h)))
        h = F.silu(self.deepen(h))
        flow, weights = self.maps(h).split([FLOW, PICTURES], dim=1)
        changes = [bounded(flow, FARTHEST_STEP), bounded(weights, LARGEST_CHANGE)]
        maps = maps + torch.cat(changes, dim=1)
        moved = move_references(reference, maps)
        aligned = self.aligned(rearrange(moved, "t r c h w -> t (r c) h w").to(x))
        return x + aligned, maps

    def _reduced(self, references: Tensor) -> Tensor:
        """``t r c h w`` with fewer channels."""
        reduced = self.reduce_references(references.flatten(0, 1))
        return reduced.unflatten(0, references.shape[:2])


def evened(flow: Tensor, shares: Tensor) -> Tensor:
    """Flow ``t 4 h w`` as the moved pixels around have it, each by its share ``t 1 h w``.

    What moves together stays together, and what stands still around it does not hold it back.
    """
    shares = shares + LEAST_SHARE
    sums = torch.cat([flow * shares, shares], dim=1)
    for _ in range(2):
        sums = mean_around(sums, EVENED)
    return sums[:, :-1] / sums[:, -1:]


def move_references(reference: Tensor, maps: Tensor, is_sharp: bool = False) -> Tensor:
    """``t r c h w``, float32: a ``c r h w`` reference moved by the flow that maps begin with."""
    count = maps.shape[0]
    pictures = repeat(reference, "c r h w -> (t r) c h w", t=count)
    flow = rearrange(maps[:, :FLOW], "t (r n) h w -> (t r) n h w", r=2)
    return rearrange(warp(pictures, flow, is_sharp), "(t r) c h w -> t r c h w", t=count)


def enlarged(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps ``t 9 h w`` of twice the size, or of this; flow counts the smaller cells then."""
    larger = F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
    flow = larger[:, :FLOW] * (larger.shape[-1] / maps.shape[-1])
    return torch.cat([flow, larger[:, FLOW:]], dim=1)
