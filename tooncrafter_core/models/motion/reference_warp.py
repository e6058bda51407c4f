"""How a small decoder moves the two keyframes' pixels to where a frame's latents want them.

The published decoder reads its references by attention alone, and draws all pixels. Here flow from
every frame to both keyframes is found in three steps. The frame's latents are matched with the
keyframes', and the keyframes' with each other, and in every cell the flow counts that explains the
frame's latents; it is refined level by level with the features it moves; at last each pixel is a
mixture of what was moved from the one and the other keyframe, what lies there in either of them,
and what the decoder drew (``AutoencoderConfig.warps_references``). What stands still is copied that
way, to the pixel.

Legend: t frames, c channels, h w space, r references (2), l cells of the latents, n pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from einops import rearrange, reduce, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from ...layers.operations import Operations
from ..initialization import zero
from .keyframe_matching import ContextLayers, KeyframeMatching, cell_places
from .picture_choice import (
    LARGEST_CHANGE,
    PICTURES,
    PictureChoice,
    bounded,
    choose_together,
    mean_around,
)
from .values import WarpListener
from .warping import warp

FARTHEST_STEP = 8.0
"""Cells by which a level can change the flow. Without bounds a flow that is wrong makes layers see
what makes it worse, until nothing is ever moved."""
MATCH_CHANNELS = 32
FIRST_SHARPNESS = 1.0
"""Of the matching before anything is learnt: distances are of latents near one."""
FIRST_NEARNESS, FIRST_STILLNESS = 0.1, 2.0
"""What a cell of distance squared counts beside that, and what standing still does."""
FLOWS = 3
FIRST_TRUST = (4.0, 0.0, 0.5, 0.5, 1.0, -1.2)
"""What an error of the latents costs; what speaks for the flow that was found for the frame, for
the even one, and for none at all; for a keyframe as it is, and for what was drawn."""
HIDDEN = 32
"""Channels of a refinement's layers."""
EVENED, LEAST_SHARE = 41, 1e-3
"""Pixels over which flow is averaged, twice, and what counts of those that are not moved."""
FLOW = 4
"""Channels of the maps: flow to both keyframes; then follow the weights of the pictures."""


@dataclass
class WarpState:
    """What is known of the chunks of a clip while it is decoded; by their first frame."""

    latents: Tensor
    references: Sequence[Tensor]
    time: Tensor
    """Of the frames, 0 at the first keyframe and 1 at the last."""
    even: Tensor
    """Flow to both keyframes of what moves evenly between them, ``t r 2 h w``, in latent cells."""
    listener: WarpListener | None = None
    maps: dict[int, Tensor] = field(default_factory=dict)
    """Flow to both keyframes and the weights of the pictures, ``t 9 h w``; flow in cells of the
    level where it was last refined."""


class Refinement(nn.Module):
    """Improves the flow of one level and adds to the features what it moves there."""

    def __init__(self, channels: int, operations: Operations, **factory: Any) -> None:
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
        conv = operations.Conv2d
        self.match_in = conv(latent_channels, HIDDEN, 3, padding=1, **factory)
        self.match_blocks = ContextLayers(HIDDEN, operations, **factory)
        self.match = conv(HIDDEN, MATCH_CHANNELS, 1, **factory)
        self.sharpness = nn.Parameter(torch.empty(1, **factory))
        self.nearness = nn.Parameter(torch.empty(1, **factory))
        self.stillness = nn.Parameter(torch.empty(1, **factory))
        self.keyframe_matching = KeyframeMatching(latent_channels, operations, **factory)
        self.trust = nn.Parameter(torch.empty(len(FIRST_TRUST), **factory))
        self.refinements = nn.ModuleList(
            Refinement(channels, operations, **factory) for channels in level_channels[1:]
        )
        self.choice = PictureChoice(level_channels[0], out_channels, operations, **factory)

    @torch.no_grad()
    def init_weights(self) -> None:
        """Let it begin as mere matching of latents, and weights by what explains them."""
        self.choice.init_weights()
        self.match_blocks.init_weights()
        for refinement in self.refinements:
            zero(*cast(Refinement, refinement).last_of_branch())
        self.sharpness.fill_(FIRST_SHARPNESS)
        self.nearness.fill_(FIRST_NEARNESS)
        self.stillness.fill_(FIRST_STILLNESS)
        self.trust.copy_(torch.tensor(FIRST_TRUST))
        self.keyframe_matching.init_weights(torch.Generator().manual_seed(0))

    def begin(
        self,
        latents: Tensor,
        references: Sequence[Tensor],
        listener: WarpListener | None = None,
    ) -> WarpState:
        """For latents ``t c h w`` of a clip whose ends are the keyframes.

        ``references`` are the encoder's features, ``c r h w``, and at last the keyframes.
        """
        first, last = latents[:1], latents[-1:]
        way = self.keyframe_matching(first, last, len(latents)).way[0]
        time = torch.linspace(0, 1, len(latents), device=latents.device)
        way, s = rearrange(way, "n t h w -> t n h w"), time.view(-1, 1, 1, 1)
        even = torch.stack([-s * way, (1 - s) * way], dim=1)
        return WarpState(latents, references, time, even, listener)

    def at_level(self, level: int, x: Tensor, start: int, state: WarpState) -> Tensor:
        """Improve the flow of the frames from ``start`` by their features ``t c h w``."""
        if level == len(self.refinements):
            state.maps[start] = self._likeliest(state, start, x.shape[0])
        maps = state.maps[start]
        if level == 0:
            maps = enlarged(maps, x.shape[-2:])
            pictures, time = self._keyframes(maps, state), state.time[start : start + x.shape[0]]
            weights = self.choice(x, pictures, maps[:, FLOW:], time)
            state.maps[start] = torch.cat([maps[:, :FLOW], weights], dim=1)
            return x
        refinement = self.refinements[level - 1]
        x, maps = refinement(x, enlarged(maps, x.shape[-2:]), state.references[level])
        state.maps[start] = maps
        if state.listener is not None:
            state.listener.hear_flow(maps[:, :FLOW])
        return x

    def compose(self, drawn: Tensor, start: int, state: WarpState) -> Tensor:
        """The pictures ``t c h w`` of the frames from ``start``, given what the decoder drew."""
        maps = state.maps.pop(start)
        shares = maps[:, FLOW:].softmax(1)[:, :2].sum(1, keepdim=True)
        flow = evened(maps[:, :FLOW], shares)
        weights = maps[:, FLOW:]
        if state.listener is None:
            weights = choose_together(weights, state.time[start : start + drawn.shape[0]])
        weights = weights.softmax(1)
        pictures = torch.cat([self._keyframes(flow, state), drawn.float().unsqueeze(1)], dim=1)
        if state.listener is not None:
            state.listener.hear_drawn(drawn)
            state.listener.hear_choice(pictures, weights)
        return reduce(weights.unsqueeze(2) * pictures, "t n c h w -> t c h w", "sum").to(drawn)

    @staticmethod
    def _keyframes(maps: Tensor, state: WarpState) -> Tensor:
        """``t 4 c h w``, float32: both keyframes moved, then both as they are."""
        keyframes = state.references[-1]
        still = repeat(keyframes.float(), "c r h w -> t r c h w", t=maps.shape[0])
        return torch.cat([move_references(keyframes, maps, is_sharp=True), still], dim=1)

    def _likeliest(self, state: WarpState, start: int, count: int) -> Tensor:
        """Maps ``t 9 h w`` of frames: what explains their latents, in each cell."""
        even = state.even[start : start + count]
        found = self._matched(state.latents, start, count)
        flows = torch.stack([found, even, torch.zeros_like(even)], dim=1)
        ends = repeat(state.latents[[0, -1]], "r c h w -> (t k r) c h w", t=count, k=FLOWS)
        moved = warp(ends, rearrange(flows, "t k r n h w -> (t k r) n h w"))
        moved = rearrange(moved, "(t k r) c h w -> t k r c h w", t=count, k=FLOWS)
        frames = rearrange(state.latents[start : start + count], "t c h w -> t 1 1 c h w")
        errors = (moved - frames).abs().mean(3)
        around = F.avg_pool2d(errors.flatten(1, 2), 3, 1, 1).view_as(errors)
        costs, *chances, as_it_is, as_drawn = self.trust.float().unbind()
        likely = (rearrange(torch.stack(chances), "k -> k 1 1 1") - costs * around).softmax(1)
        flow = reduce(likely.unsqueeze(3) * flows, "t k r n h w -> t (r n) h w", "sum")
        of_moved = -costs * (likely * errors).sum(1)
        of_still = as_it_is - costs * errors[:, -1]
        of_drawn = as_drawn.expand_as(of_still[:, :1])
        by_time = self.choice.by_time(state.time[start : start + count])
        return torch.cat([flow, torch.cat([of_moved, of_still, of_drawn], dim=1) + by_time], dim=1)

    def _matched(self, latents: Tensor, start: int, count: int) -> Tensor:
        """Flow ``t r 2 h w`` of frames, from what is alike in their latents and the ends'."""
        height, width = latents.shape[-2:]
        h = self.match_in(torch.cat([latents[[0, -1]], latents[start : start + count]]))
        h = self.match_blocks(h)
        features = rearrange(self.match(h).float(), "n c h w -> n (h w) c")
        ends, frames = features[:2], features[2:]
        places = cell_places(height, width, latents.device).float()
        apart = torch.cdist(places, places).square()
        prior = self.stillness.float() * (apart == 0) - self.nearness.float() * apart
        flows = []
        for end in ends:
            unlike = torch.cdist(frames, end.expand(count, -1, -1)).square()
            scores = prior - self.sharpness.float() * unlike
            flows.append(scores.softmax(-1) @ places - places)
        return rearrange(torch.stack(flows), "r t (h w) n -> t r n h w", h=height)


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
