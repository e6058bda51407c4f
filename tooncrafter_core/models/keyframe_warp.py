"""The small denoiser's way to move the keyframes' latents instead of drawing them anew.

Legend: b batch, t frames, c channels, h w space, k keyframes (2).
"""

from typing import Any

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

from ..operations import Operations
from .initialization import zero
from .warping import warp

CELLS_PER_UNIT = 4.0
"""Of the predicted flow: what moves, moves some cells, and layers learn numbers near one."""


class KeyframeWarp(nn.Module):
    """Adds to v what the noisy latents, the keyframes' and the moved keyframes' tell at once.

    Flow is predicted to either keyframe and grows with the way in time, so that the ends are the
    keyframes themselves. At first it is nothing, and what is moved is an even blend.
    """

    def __init__(
        self, channels: int, embed_dim: int, latents: int, operations: Operations, **factory: Any
    ) -> None:
        """``channels`` of the features, ``embed_dim`` of the timestep, ``latents`` channels."""
        super().__init__()
        self.latents = latents
        # Four kinds of latents are shown to the network: see ``keyframe_condition``.
        self.flow = operations.Conv2d(channels, 6, 3, padding=1, **factory)
        shares = operations.Linear(embed_dim, 5 * latents, **factory)
        self.shares = nn.Sequential(nn.SiLU(), shares)

    def init_weights(self) -> None:
        """Let it add nothing."""
        zero(self.flow, self.shares[-1])

    def forward(self, features: Tensor, x: Tensor, embedding: Tensor) -> Tensor:
        """What is added to v, ``b c t h w``.

        ``features`` are ``(b t) c h w``, ``x`` is the network's input ``b (4 c) t h w``,
        ``embedding`` that of the timestep ``b c``.
        """
        num_frames, c = x.shape[2], self.latents
        maps = rearrange(self.flow(features).float(), "(b t) c h w -> b t c h w", t=num_frames)
        time = torch.linspace(0, 1, num_frames, device=x.device)
        ways = rearrange(torch.stack([time, 1 - time]), "k t -> t k 1 1 1")
        flow = (
            CELLS_PER_UNIT * ways * rearrange(maps[:, :, :4], "b t (k n) h w -> b t k n h w", k=2)
        )
        keyframes = rearrange(x[:, 2 * c :], "b (k c) t h w -> (b t k) c h w", c=c)
        moved = warp(keyframes, rearrange(flow, "b t k n h w -> (b t k) n h w"))
        moved = rearrange(moved, "(b t k) c h w -> b t k c h w", t=num_frames, k=2)
        # Of two keyframes equally fit, the nearer counts for more, and at the ends alone.
        nearness = (1 - ways[..., 0]).clamp(min=1e-6).log()
        weights = (maps[:, :, 4:] + nearness).softmax(2)
        mixed = reduce(weights.unsqueeze(3) * moved, "b t k c h w -> b c t h w", "sum")
        shares = rearrange(self.shares(embedding), "b c -> b c 1 1 1")
        seen = torch.cat([x, mixed.to(x)], dim=1)
        return reduce(shares * seen, "b (n c) t h w -> b c t h w", "sum", c=c)
