"""Which cell of the first keyframe becomes which of the last, and what passes where between.

All pairs of cells of the two keyframes' latents that are not too far apart are compared once. A
pair moves evenly from one to the other; in a frame between, every cell chooses among the pairs that
pass it then. What counts is trained: likeness, what else either keyframe shows around, how
far the way is. It is how a small network finds far motion without many layers
(``UNetConfig.warps_keyframes``).

Legend: b batch, t frames, c channels, h w space, n cells, p ways, k pairs kept.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ...layers.operations import Factory, Operations
from ..initialization import zero

if TYPE_CHECKING:
    from typing_extensions import Unpack

FARTHEST = (18, 8)
"""Cells that a pair may lie apart, across and down."""
HIDDEN, DESCRIPTORS, PLAIN = 48, 32, 16
"""Channels: of the layers, of what describes a cell, of its bare latents."""
KEPT = 24
"""Pairs a cell mixes; more differ by less than can be seen."""
NEVER = -1e4


class Matches(NamedTuple):
    """What pairs of cells say of the frames between; float32."""

    latents: Tensor
    """b c t h w: the mixture of those that pass."""
    way: Tensor
    """b 2 t h w: how far right and down its pairs go in the whole clip, in cells."""
    certainty: Tensor
    """b 1 t h w: the share of the likeliest pair."""


class ContextLayers(nn.ModuleList):
    """Residual layers that let a cell know what lies some cells around it."""

    def __init__(self, channels: int, operations: Operations, **factory: "Unpack[Factory]") -> None:
        conv = operations.Conv2d
        super().__init__(
            nn.Sequential(
                operations.GroupNorm(4, channels, eps=1e-5, **factory),
                nn.SiLU(),
                conv(channels, channels, 3, padding=1, **factory),
                nn.SiLU(),
                conv(channels, channels, 3, padding=reach, dilation=reach, **factory),
            )
            for reach in (1, 2, 4)
        )

    def init_weights(self) -> None:
        """Let them add nothing."""
        zero(*(cast(nn.Sequential, block)[-1] for block in self))

    def forward(self, h: Tensor) -> Tensor:
        """The same shape, ``n c h w``."""
        for block in self:
            h = h + block(h)
        return h


def cell_places(height: int, width: int, device: torch.device) -> Tensor:
    """``n 2``: across and down of every cell, row by row."""
    cells = torch.arange(height * width, device=device)
    return torch.stack([cells % width, cells // width], -1)


class KeyframeMatching(nn.Module):
    """Compares the keyframes' cells and mixes, for every frame, what passes."""

    def __init__(self, latents: int, operations: Operations, **factory: "Unpack[Factory]") -> None:
        """``latents`` is the number of their channels."""
        super().__init__()
        conv = operations.Conv2d
        self.conv_in = conv(3 * latents, HIDDEN, 3, padding=1, **factory)
        self.blocks = ContextLayers(HIDDEN, operations, **factory)
        self.describe = conv(HIDDEN, DESCRIPTORS + 1, 1, **factory)
        self.plain = conv(latents, PLAIN, 3, padding=1, **factory)
        # Likeness of the bare latents, nearness, standing still.
        self.weights = nn.Parameter(torch.empty(3, **factory))
        across, down = FARTHEST
        self.by_way = nn.Parameter(torch.empty(2 * down + 1, 2 * across + 1, **factory))

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Let likeness of the bare latents decide at first; CPU ``generator``."""
        self.blocks.init_weights()
        self.describe.weight.normal_(std=0.05, generator=generator)
        nn.init.zeros_(cast(Tensor, self.describe.bias))
        self.weights.copy_(torch.tensor([0.75, 0.02, 1.0]))
        nn.init.zeros_(self.by_way)

    def forward(self, first: Tensor, last: Tensor, num_frames: int) -> Matches:
        """Keyframes ``b c h w``, scaled as the denoiser's latents."""
        batch, _, height, width = first.shape
        ways = self._ways(first.device)
        at = cell_places(height, width, first.device)
        ends, end_exists = self._cells(at[:, None] + ways, height, width)
        scores = self._scores(first, last).gather(2, ends.expand(batch, -1, -1))
        distance = ways.float().square().sum(-1)
        _, nearness, still = self.weights.float()
        scores = scores + self.by_way.float().flatten() - nearness * distance
        scores = (scores + still * (distance == 0)).masked_fill(~end_exists, NEVER)

        cells = [rearrange(x.float(), "b c h w -> b (h w) c") for x in (first, last)]
        grid = _Grid(height, at, ways, ends)
        frames = [
            self._frame(index / max(num_frames - 1, 1), scores, cells, grid)
            for index in range(num_frames)
        ]
        latents, way, certainty = (torch.stack(part, 2) for part in zip(*frames, strict=True))
        return Matches(latents, way, certainty)

    def _scores(self, first: Tensor, last: Tensor) -> Tensor:
        """How well every cell of the first goes with every cell of the last, ``b n n``."""
        described = [self._describe(first, last), self._describe(last, first)]
        (one, one_alone), (other, other_alone) = (
            (rearrange(x[:, :-1], "b c h w -> b (h w) c"), x[:, -1].flatten(1)) for x in described
        )
        bare = [rearrange(self.plain(x).float(), "b c h w -> b (h w) c") for x in (first, last)]
        unlike = torch.cdist(bare[0], bare[1]).square()
        scores = one @ other.transpose(1, 2) - self.weights[0].float() * unlike
        return scores + one_alone[:, :, None] + other_alone[:, None, :]

    def _describe(self, keyframe: Tensor, other: Tensor) -> Tensor:
        h = self.blocks(self.conv_in(torch.cat([keyframe, other, (keyframe - other).abs()], dim=1)))
        return self.describe(h).float()

    def _frame(
        self, time: float, scores: Tensor, cells: Sequence[Tensor], grid: "_Grid"
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, way and certainty of the frame at ``time``, 0 to 1."""
        height, at, ways, ends = grid
        width = at.shape[0] // height
        batch, _, num_ways = scores.shape
        gone = torch.round(time * ways.float()).long()
        starts, start_exists = self._cells(at[:, None] - gone, height, width)
        pairs = starts * num_ways + torch.arange(num_ways, device=at.device)
        passing = scores.flatten(1)[:, pairs.flatten()].unflatten(1, pairs.shape)
        passing = passing.masked_fill(~start_exists, NEVER)
        best = passing.detach().topk(min(KEPT, num_ways), dim=2).indices
        shares = passing.gather(2, best).softmax(2)
        from_cell = starts.expand(batch, -1, -1).gather(2, best)
        to_cell = ends[from_cell, best]
        mixed = (1 - time) * _fetch(cells[0], from_cell) + time * _fetch(cells[1], to_cell)
        found = (
            (shares.unsqueeze(-1) * mixed).sum(2),
            (shares.unsqueeze(-1) * ways[best].float()).sum(2),
            shares.amax(2, keepdim=True),
        )
        latents, way, certainty = (rearrange(x, "b (h w) c -> b c h w", h=height) for x in found)
        return latents, way, certainty

    @staticmethod
    def _ways(device: torch.device) -> Tensor:
        """``p 2``: every way from a cell to another, across and down."""
        across, down = (torch.arange(-far, far + 1, device=device) for far in FARTHEST)
        return torch.stack([across.repeat(len(down)), down.repeat_interleave(len(across))], -1)

    @staticmethod
    def _cells(places: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Numbers of the cells at ``... 2`` places, and whether there are such."""
        across, down = places.unbind(-1)
        exists = (across >= 0) & (across < width) & (down >= 0) & (down < height)
        return down.clamp(0, height - 1) * width + across.clamp(0, width - 1), exists


class _Grid(NamedTuple):
    """Where the cells lie and can go, the same in every frame: n cells, p ways."""

    height: int
    at: Tensor
    """``n 2``, across and down."""
    ways: Tensor
    """``p 2``."""
    ends: Tensor
    """``n p``: the cell at which each way from each cell ends."""


def _fetch(cells: Tensor, numbers: Tensor) -> Tensor:
    """``b n k c`` of ``b n c`` cells by ``b n k`` numbers."""
    flat = numbers.flatten(1).unsqueeze(-1).expand(-1, -1, cells.shape[-1])
    return cells.gather(1, flat).unflatten(1, numbers.shape[1:])
