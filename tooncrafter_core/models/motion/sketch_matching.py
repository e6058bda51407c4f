"""Where in either keyframe the lines of a sketch come from.

The published sketch encoder sees sketches and noise alone; that a line belongs to this arm, the
denoiser has to find out in a million clips. Here every cell of a sketched frame is compared with
all cells of both keyframes, so that the small model learns sooner what a sketch moves where
(``SketchEncoderConfig.matches_keyframes``).

Legend: b batch, t frames, c channels, h w space, n cells.
"""

from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ...layers.operations import Factory, Operations
from .keyframe_matching import ContextLayers, cell_places

if TYPE_CHECKING:
    from typing_extensions import Unpack

HIDDEN, DESCRIPTORS = 48, 32
"""Channels: of the layers, and of what describes a cell."""
FIRST_SHARPNESS = 1.0
FIRST_NEARNESS = 0.02
"""What a cell of distance squared counts before training."""
CELLS_PER_UNIT = 4.0
"""Of ways, as the layers read them."""


class SketchMatches(NamedTuple):
    """What the cells of the sketched frames were found to be; float32."""

    latents: Tensor
    """b c t h w: the keyframes' latents that go with the lines."""
    maps: Tensor
    """b (c + 6) t h w: those, the first keyframe's share, the ways to both, the certainty."""


class SketchMatching(nn.Module):
    """Compares sketches with the keyframes, cell by cell."""

    def __init__(
        self, hint_channels: int, latents: int, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        """``hint_channels`` of the sketches' features, ``latents`` of the keyframes."""
        super().__init__()
        conv = operations.Conv2d
        self.latents = latents
        self.sketch_in = conv(hint_channels, HIDDEN, 3, padding=1, **factory)
        self.sketch_blocks = ContextLayers(HIDDEN, operations, **factory)
        self.describe_sketch = conv(HIDDEN, DESCRIPTORS, 1, **factory)
        self.keyframe_in = conv(3 * latents, HIDDEN, 3, padding=1, **factory)
        self.keyframe_blocks = ContextLayers(HIDDEN, operations, **factory)
        self.describe_keyframe = conv(HIDDEN, DESCRIPTORS, 1, **factory)
        # Sharpness, nearness, and how much more the nearer keyframe in time counts.
        self.weights = nn.Parameter(torch.empty(3, **factory))

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Let nearness alone decide at first; CPU ``generator``."""
        for describe in (self.describe_sketch, self.describe_keyframe):
            describe.weight.normal_(std=0.1, generator=generator)
            nn.init.zeros_(cast(Tensor, describe.bias))
        self.weights.copy_(torch.tensor([FIRST_SHARPNESS, FIRST_NEARNESS, 1.0]))

    @property
    def num_maps(self) -> int:
        """Channels of ``SketchMatches.maps``."""
        return self.latents + 6

    def forward(self, hints: Tensor, first: Tensor, last: Tensor) -> SketchMatches:
        """Match sketches' features ``b t c h w`` with keyframes ``b c h w``, scaled as latents."""
        height, width = first.shape[-2:]
        num_frames = hints.shape[1]
        h = self.sketch_blocks(self.sketch_in(hints.flatten(0, 1)))
        sketches = rearrange(
            self.describe_sketch(h).float(), "(b t) c h w -> b t (h w) c", t=num_frames
        )
        ends = torch.stack([self._describe(first, last), self._describe(last, first)], dim=1)
        ends = rearrange(ends, "b k c h w -> b 1 k c (h w)")

        places = cell_places(height, width, first.device).float()
        sharpness, nearness, earliness = self.weights.float()
        scores = sharpness * (sketches.unsqueeze(2) @ ends)
        scores = scores - nearness * torch.cdist(places, places).square()
        time = torch.linspace(0, 1, num_frames, device=first.device)
        times = torch.stack([1 - time, time], dim=1).clamp(min=1e-3).log()
        scores = scores + earliness * rearrange(times, "t k -> t k 1 1")

        # Of all cells of both keyframes; and of each keyframe's for the way to it.
        shares = rearrange(scores, "b t k n m -> b t n (k m)").softmax(-1)
        cells = torch.stack([first, last], dim=1).float()
        cells = rearrange(cells, "b k c h w -> b 1 (k h w) c")
        latents = shares @ cells
        share = shares[..., : places.shape[0]].sum(-1, keepdim=True)
        ways = (scores.softmax(-1) @ places - places) / CELLS_PER_UNIT
        parts = [
            latents,
            share,
            rearrange(ways, "b t k n d -> b t n (k d)"),
            shares.amax(-1, keepdim=True),
        ]
        maps = rearrange(torch.cat(parts, dim=-1), "b t (h w) c -> b c t h w", h=height)
        return SketchMatches(maps[:, : self.latents], maps)

    def _describe(self, keyframe: Tensor, other: Tensor) -> Tensor:
        h = self.keyframe_in(torch.cat([keyframe, other, (keyframe - other).abs()], dim=1))
        return self.describe_keyframe(self.keyframe_blocks(h)).float()
