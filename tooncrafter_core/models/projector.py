"""The projector: image-encoder tokens to image context tokens for every frame (SPEC section 3).

Legend: b batch, n image-encoder tokens, l queries, c channels.
"""

from typing import cast

import torch
from einops import repeat
from torch import Tensor, nn

from ..config.model import ResamplerConfig
from ..layers.operations import TORCH_OPERATIONS, Operations
from .initialization import draw_normal, init_layers


class PerceiverAttention(nn.Module):
    """Queries attend to the image tokens and to themselves."""

    def __init__(self, config: ResamplerConfig, operations: Operations, **factory: object) -> None:
        super().__init__()
        inner = config.heads * config.dim_head
        self.heads = config.heads
        self.operations = operations
        self.norm1 = operations.LayerNorm(config.dim, **factory)
        self.norm2 = operations.LayerNorm(config.dim, **factory)
        self.to_q = operations.Linear(config.dim, inner, bias=False, **factory)
        self.to_kv = operations.Linear(config.dim, inner * 2, bias=False, **factory)
        self.to_out = operations.Linear(inner, config.dim, bias=False, **factory)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        """Update b l c ``latents`` from b n c image tokens."""
        x, latents = self.norm1(x), self.norm2(latents)
        keys, values = self.to_kv(torch.cat([x, latents], dim=1)).chunk(2, dim=-1)
        return self.to_out(self.operations.attention(self.to_q(latents), keys, values, self.heads))


class Resampler(nn.Module):
    """Turns the tokens of one image into 16 context tokens for each of 16 frames."""

    def __init__(
        self,
        config: ResamplerConfig,
        *,
        operations: Operations = TORCH_OPERATIONS,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        factory = {"dtype": dtype, "device": device}
        dim, inner = config.dim, config.dim * config.ff_mult
        num_latents = config.num_queries * config.video_length
        self.latents = nn.Parameter(torch.empty(1, num_latents, dim, **factory))
        self.proj_in = operations.Linear(config.embedding_dim, dim, **factory)
        self.proj_out = operations.Linear(dim, config.output_dim, **factory)
        self.norm_out = operations.LayerNorm(config.output_dim, **factory)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    PerceiverAttention(config, operations, **factory),
                    nn.Sequential(
                        operations.LayerNorm(dim, **factory),
                        operations.Linear(dim, inner, bias=False, **factory),
                        nn.GELU(),
                        operations.Linear(inner, dim, bias=False, **factory),
                    ),
                ]
            )
            for _ in range(config.depth)
        )

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Fill the network to train it from nothing; CPU ``generator``."""
        init_layers(self, generator)
        # The queries differ by frame from the start: the denoiser knows its frames by them.
        draw_normal(self.latents, 1.0, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map b n embedding_dim to b (frames * queries) output_dim, frame by frame."""
        latents = repeat(self.latents.to(x), "1 l c -> b l c", b=x.shape[0])
        x = self.proj_in(x)
        for attention, feed_forward in cast(list[list[nn.Module]], self.layers):
            latents = latents + attention(x, latents)
            latents = latents + feed_forward(latents)
        return self.norm_out(self.proj_out(latents))
