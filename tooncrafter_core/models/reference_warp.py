"""How a small decoder moves the two keyframes' pixels to where a frame's latents want them.

The published decoder reads its references by attention alone, and draws all pixels. Here flow from
every frame to both keyframes is found in three steps: the latents are matched with the keyframes',
the flow is refined level by level with the features it moves, and at last each pixel is a mixture
of what was moved from the one and the other keyframe and what the decoder drew
(``AutoencoderConfig.warps_references``).

Legend: t frames, c channels, h w space, r references (2), l cells of the latents, n pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from einops import rearrange, reduce, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from ..operations import Operations
from .initialization import zero
from .warping import warp

MATCH_CHANNELS = 32
FIRST_SHARPNESS = 1.0
"""Of the matching before anything is learnt: distances are of latents near one."""
FIRST_NEARNESS = 0.02
"""What a cell of distance squared counts beside that."""
HIDDEN = 32


@dataclass
class WarpState:
    """What is known of the chunks of a clip while it is decoded; by their first frame."""

    latents: Tensor
    references: Sequence[Tensor]
    maps: dict[int, Tensor] = field(default_factory=dict)
    """Flow to both keyframes and the weights of the three pictures, ``t 7 h w``; flow in cells of
    the level where it was last refined."""


class Refinement(nn.Module):
    """Improves the flow of one level and adds to the features what it moves there."""

    def __init__(self, channels: int, operations: Operations, **factory: Any) -> None:
        super().__init__()
        conv, hidden = operations.Conv2d, HIDDEN
        self.reduce = conv(channels, hidden // 2, 1, **factory)
        self.reduce_references = conv(channels, hidden // 2, 1, **factory)
        self.mix = conv(3 * (hidden // 2) + 7, hidden, 3, padding=1, **factory)
        self.deepen = conv(hidden, hidden, 3, padding=1, **factory)
        self.maps = conv(hidden, 7, 3, padding=1, **factory)
        self.aligned = conv(2 * channels, channels, 1, **factory)

    def last_of_branch(self) -> tuple[nn.Module, ...]:
        """Zero when training begins; see ``init_layers``."""
        return (self.maps, self.aligned)

    def forward(self, x: Tensor, maps: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``t c h w`` and maps ``t 7 h w`` of this level's size, both improved."""
        moved = move_references(reference, maps)
        reduced = rearrange(
            self.reduce_references(rearrange(moved.to(x), "t r c h w -> (t r) c h w")),
            "(t r) c h w -> t (r c) h w",
            r=2,
        )
        h = torch.cat([self.reduce(x), reduced, maps.to(x)], dim=1)
        h = F.silu(self.mix(h))
        h = F.silu(self.deepen(h))
        maps = maps + self.maps(h).float()
        moved = move_references(reference, maps)
        aligned = self.aligned(rearrange(moved, "t r c h w -> t (r c) h w").to(x))
        return x + aligned, maps


class ReferenceWarp(nn.Module):
    """All that moves the references of a clip; see the module."""

    def __init__(
        self,
        latent_channels: int,
        level_channels: Sequence[int],
        out_channels: int,
        operations: Operations,
        **factory: Any,
    ) -> None:
        """``level_channels`` are the decoder's, from the picture's own size downwards."""
        super().__init__()
        self.match = operations.Conv2d(latent_channels, MATCH_CHANNELS, 3, padding=1, **factory)
        self.sharpness = nn.Parameter(torch.empty(1, **factory))
        self.nearness = nn.Parameter(torch.empty(1, **factory))
        self.refinements = nn.ModuleList(
            Refinement(channels, operations, **factory) for channels in level_channels[1:-1]
        )
        self.weights = operations.Conv2d(
            level_channels[0] + 2 * out_channels, 3, 3, padding=1, **factory
        )

    @torch.no_grad()
    def init_weights(self) -> None:
        """Let it begin as mere matching of latents, the three pictures mixed evenly."""
        zero(self.weights)
        for refinement in self.refinements:
            zero(*cast(Refinement, refinement).last_of_branch())
        self.sharpness.fill_(FIRST_SHARPNESS)
        self.nearness.fill_(FIRST_NEARNESS)

    def begin(self, latents: Tensor, references: Sequence[Tensor]) -> WarpState:
        """For latents ``t c h w`` of a clip whose ends are the keyframes.

        ``references`` are the encoder's features, ``c r h w``, and at last the keyframes.
        """
        return WarpState(latents, references)

    def at_level(self, level: int, x: Tensor, start: int, state: WarpState) -> Tensor:
        """Improve the flow of the frames from ``start`` by their features ``t c h w``."""
        if level == len(self.refinements) + 1:
            state.maps[start] = self._matched(state.latents, start, x.shape[0])
            return x
        maps = state.maps[start]
        if level == 0:
            maps = enlarged(maps, x.shape[-2:])
            moved = move_references(state.references[-1], maps)
            seen = torch.cat([x, rearrange(moved, "t r c h w -> t (r c) h w").to(x)], dim=1)
            state.maps[start] = torch.cat(
                [maps[:, :4], maps[:, 4:] + self.weights(seen).float()], dim=1
            )
            return x
        refinement = self.refinements[level - 1]
        x, state.maps[start] = refinement(x, enlarged(maps, x.shape[-2:]), state.references[level])
        return x

    def compose(self, drawn: Tensor, start: int, state: WarpState) -> Tensor:
        """The pictures ``t c h w`` of the frames from ``start``, given what the decoder drew."""
        maps = state.maps.pop(start)
        moved = move_references(state.references[-1], maps)
        pictures = torch.cat([moved, drawn.float().unsqueeze(1)], dim=1)
        weights = maps[:, 4:].softmax(1).unsqueeze(2)
        return reduce(weights * pictures, "t n c h w -> t c h w", "sum").to(drawn)

    def _matched(self, latents: Tensor, start: int, count: int) -> Tensor:
        """Maps ``t 7 h w`` of frames, from what is alike in their latents and the ends'."""
        height, width = latents.shape[-2:]
        features = self.match(torch.cat([latents[[0, -1]], latents[start : start + count]]))
        features = rearrange(features.float(), "n c h w -> n (h w) c")
        ends, frames = features[:2], features[2:]
        down, right = torch.meshgrid(
            torch.arange(height, device=latents.device),
            torch.arange(width, device=latents.device),
            indexing="ij",
        )
        places = torch.stack([right.flatten(), down.flatten()], -1).float()
        apart = torch.cdist(places, places).square()
        flows = []
        for end in ends:
            unlike = torch.cdist(frames, end.expand(count, -1, -1)).square()
            scores = -self.sharpness.float() * unlike - self.nearness.float() * apart
            flows.append(scores.softmax(-1) @ places - places)
        flow = rearrange(torch.stack(flows), "r t (h w) n -> t (r n) h w", h=height)
        return F.pad(flow, (0, 0, 0, 0, 0, 3))


def move_references(reference: Tensor, maps: Tensor) -> Tensor:
    """``t r c h w``, float32: a ``c r h w`` reference moved by the flow of ``t 7 h w`` maps."""
    count = maps.shape[0]
    pictures = repeat(reference, "c r h w -> (t r) c h w", t=count)
    flow = rearrange(maps[:, :4], "t (r n) h w -> (t r) n h w", r=2)
    return rearrange(warp(pictures, flow), "(t r) c h w -> t r c h w", t=count)


def enlarged(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps ``t 7 h w`` of twice the size, or of this; flow counts the smaller cells then."""
    larger = F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
    flow = larger[:, :4] * (larger.shape[-1] / maps.shape[-1])
    return torch.cat([flow, larger[:, 4:]], dim=1)
