"""The frame-independent sketch encoder (SPEC section 10).

Legend: b batch, t frames, n sketches, c channels, h w space, l tokens. Frames travel as a batch.
"""

from collections.abc import Iterator
from typing import Any

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from ..config import SketchEncoderConfig
from ..operations import TORCH_OPERATIONS, Operations
from .attention import Options, SpatialTransformer
from .initialization import init_layers, zero
from .layers import Downsample, ResBlock, plan_encoder, sinusoidal_embedding

HINT_LAYERS = ((16, 1), (16, 1), (32, 2), (32, 1), (96, 2), (96, 1), (256, 2))
"""Channels and stride of the convolutions that read a sketch, before the last."""


class SketchEncoder(nn.Module):
    """Turns sketches into residuals for the denoiser's skip connections, frame by frame."""

    def __init__(
        self,
        config: SketchEncoderConfig,
        *,
        operations: Operations = TORCH_OPERATIONS,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.dtype = dtype or torch.get_default_dtype()
        self.operations = operations
        self._factory: dict[str, Any] = {"dtype": dtype, "device": device}
        base = config.model_channels
        self._embed_dim = base * 4
        self.time_embed = nn.Sequential(
            operations.Linear(base, self._embed_dim, **self._factory),
            nn.SiLU(),
            operations.Linear(self._embed_dim, self._embed_dim, **self._factory),
        )
        self.input_hint_block = nn.Sequential(*self._hint_layers())
        first = operations.Conv2d(config.in_channels, base, 3, padding=1, **self._factory)
        self.input_blocks = nn.ModuleList([nn.ModuleList([first])])
        self.zero_convs = nn.ModuleList([self._output(base)])
        channels = base
        for plan in plan_encoder(config):
            channels = plan.out_channels
            block: list[nn.Module] = (
                [Downsample(channels, operations, **self._factory)]
                if plan.is_downsampling
                else [self._res_block(plan.in_channels, channels)]
            )
            has_attention = 2**plan.level in config.attention_resolutions
            if has_attention and not plan.is_downsampling:
                block.append(self._transformer(channels))
            self.input_blocks.append(nn.ModuleList(block))
            self.zero_convs.append(self._output(channels))
        self.middle_block = nn.ModuleList(
            [
                self._res_block(channels, channels),
                self._transformer(channels),
                self._res_block(channels, channels),
            ]
        )
        self.middle_block_out = self._output(channels)

    def _hint_layers(self) -> Iterator[nn.Module]:
        conv = self.operations.Conv2d
        channels = self.config.hint_channels
        for width, stride in HINT_LAYERS:
            yield conv(channels, width, 3, stride=stride, padding=1, **self._factory)
            yield nn.SiLU()
            channels = width
        yield conv(channels, self.config.model_channels, 3, padding=1, **self._factory)

    def _output(self, channels: int) -> nn.Sequential:
        # Zero when training begins, hence the checkpoint's name for it.
        return nn.Sequential(self.operations.Conv2d(channels, channels, 1, **self._factory))

    def _res_block(self, in_channels: int, out_channels: int) -> nn.Module:
        return ResBlock(
            in_channels,
            out_channels,
            self._embed_dim,
            self.config.norm_groups,
            self.operations,
            has_temporal_conv=False,
            **self._factory,
        )

    def _transformer(self, channels: int) -> nn.Module:
        dim_head = self.config.num_head_channels
        return SpatialTransformer(
            channels,
            channels // dim_head,
            dim_head,
            self.operations,
            depth=self.config.transformer_depth,
            context_dim=self.config.context_dim,
            norm_groups=self.config.norm_groups,
            has_image_tokens=False,
            **self._factory,
        )

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Fill the network to train it from nothing, adding zero; CPU ``generator``."""
        init_layers(self, generator)
        zero(self.zero_convs, self.middle_block_out)

    def read_hints(self, hints: Tensor) -> Tensor:
        """Features n c h/8 w/8 of sketches n 1 h w, white lines on black in [0, 1].

        They do not depend on the timestep: once a run is enough.
        """
        return self.input_hint_block(hints)

    def forward(
        self,
        x: Tensor,
        hint_features: Tensor,
        timesteps: Tensor,
        context: Tensor,
        options: Options = None,
    ) -> list[Tensor]:
        """Compute the residuals of a clip.

        Args:
            x: noisy latents b 4 t h w.
            hint_features: of ``read_hints``, t c h w and the same for every batch item, or
                (b t) c h w.
            timesteps: (b,).
            context: b l c, read by every frame; the text tokens, or all tokens (SPEC section 10).
            options: handed to the attention untouched.

        Returns:
            One residual for each of the denoiser's input blocks, then the middle block's; each
            (b t) c h w. What a frame gets depends on no other frame.
        """
        batch, num_frames = x.shape[0], x.shape[2]
        embedded = sinusoidal_embedding(timesteps, self.config.model_channels).to(x.dtype)
        embedding = self.time_embed(embedded).repeat_interleave(num_frames, dim=0)
        if hint_features.shape[0] == num_frames:
            hint_features = repeat(hint_features, "t c h w -> (b t) c h w", b=batch)

        def run(block: nn.Module, h: Tensor) -> Tensor:
            for layer in block.children():
                if isinstance(layer, ResBlock):
                    h = layer(h, embedding, num_frames)
                elif isinstance(layer, SpatialTransformer):
                    h = layer(h, context, None, options)
                else:
                    h = layer(h)
            return h

        h = rearrange(x, "b c t h w -> (b t) c h w")
        residuals = []
        blocks = zip(self.input_blocks, self.zero_convs, strict=True)
        for index, (block, output) in enumerate(blocks):
            h = run(block, h)
            if index == 0:
                h = h + hint_features
            residuals.append(output(h))
        residuals.append(self.middle_block_out(run(self.middle_block, h)))
        return residuals
