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
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from einops import rearrange, reduce, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from ...layers.operations import Factory, Operations
from ..initialization import zero
from .flow_maps import FLOW, HIDDEN, Refinement, enlarged, evened, move_references
from .keyframe_matching import ContextLayers, KeyframeMatching, cell_places
from .picture_choice import PictureChoice, choose_together
from .values import WarpListener
from .warping import warp

if TYPE_CHECKING:
    from typing_extensions import Unpack

MATCH_CHANNELS = 32
FIRST_SHARPNESS = 1.0
"""Of the matching before training: distances are of latents near one."""
FIRST_NEARNESS, FIRST_STILLNESS = 0.1, 2.0
"""What a cell of distance squared counts against that, and what standing still does."""
FLOWS = 3
FIRST_TRUST = (4.0, 0.0, 0.5, 0.5, 1.0, -1.2)
"""What an error of the latents costs; what speaks for the flow that was found for the frame, for
the even one, and for none at all; for a keyframe as it is, and for what was drawn."""


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


class ClipWarp(NamedTuple):
    """What moves the references of one clip while it is decoded."""

    warp: "ReferenceWarp"
    state: WarpState

    def at_level(self, level: int, x: Tensor, start: int) -> Tensor:
        """See ``ReferenceWarp.at_level``."""
        return self.warp.at_level(level, x, start, self.state)

    def compose(self, drawn: Tensor, start: int) -> Tensor:
        """See ``ReferenceWarp.compose``."""
        return self.warp.compose(drawn, start, self.state)


class ReferenceWarp(nn.Module):
    """All that moves the references of a clip; see the module."""

    def __init__(
        self,
        latent_channels: int,
        level_channels: Sequence[int],
        out_channels: int,
        operations: Operations,
        **factory: "Unpack[Factory]",
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

    def of_clip(
        self, latents: Tensor, references: Sequence[Tensor], listener: WarpListener | None = None
    ) -> ClipWarp:
        """The warp of a clip; see ``begin``."""
        return ClipWarp(self, self.begin(latents, references, listener))

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
