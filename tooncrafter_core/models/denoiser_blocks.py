"""What the denoiser and the sketch encoder share: how their blocks are built and run.

Legend: b batch, t frames, c channels, h w space, l tokens. Frames travel as a batch, (b t) c h w.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from ..layers.operations import Factory, Operations
from .attention import ContextKeys, Options
from .residual import Downsample, EncoderConfig, ResBlock, plan_encoder, sinusoidal_embedding
from .transformers import SpatialTransformer, TemporalTransformer, TransformerLayout


class FrameNetworkConfig(EncoderConfig, Protocol):
    """What the blocks of such a network are laid out by."""

    @property
    def attention_resolutions(self) -> tuple[int, ...]:
        """Downsampling factors at which the levels carry transformers."""
        ...

    @property
    def num_head_channels(self) -> int:
        """Channels of a head."""
        ...

    @property
    def transformer_depth(self) -> int:
        """Blocks of a transformer."""
        ...

    @property
    def context_dim(self) -> int:
        """Width of the context's tokens."""
        ...

    @property
    def norm_groups(self) -> int:
        """Groups of every group norm."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockInputs:
    """What the layers of a block read besides the frames."""

    embedding: Tensor
    """Of the timestep, (b t) c."""
    num_frames: int
    contexts: Iterator[Tensor | Sequence[ContextKeys]]
    """Gives each spatial transformer its context, in the order in which they run."""
    image_context: Tensor | None
    options: Options


class FrameNetwork(nn.Module):
    """A network of residual blocks and transformers over the frames of clips.

    Its layers also look along time with ``has_time_layers``; its transformers read image tokens
    besides the text's with ``has_image_tokens``.
    """

    def __init__(
        self,
        config: FrameNetworkConfig,
        *,
        has_time_layers: bool,
        has_image_tokens: bool,
        operations: Operations,
        dtype: torch.dtype | None,
        device: torch.device | str | None,
    ) -> None:
        super().__init__()
        self.dtype = dtype or torch.get_default_dtype()
        self.operations = operations
        self._layout = config
        self._has_time_layers = has_time_layers
        self._has_image_tokens = has_image_tokens
        self._factory: Factory = {"dtype": dtype, "device": device}
        self._embed_dim = config.model_channels * 4

    def _embedding_network(self) -> nn.Sequential:
        linear = self.operations.Linear
        return nn.Sequential(
            linear(self._layout.model_channels, self._embed_dim, **self._factory),
            nn.SiLU(),
            linear(self._embed_dim, self._embed_dim, **self._factory),
        )

    def _first_block(self, in_channels: int) -> nn.ModuleList:
        convolution = self.operations.Conv2d(
            in_channels, self._layout.model_channels, 3, padding=1, **self._factory
        )
        return nn.ModuleList([convolution])

    def _encoder_blocks(self) -> Iterator[tuple[int, nn.ModuleList]]:
        """Every block after the first, with its channels."""
        for plan in plan_encoder(self._layout):
            layers: list[nn.Module] = (
                [Downsample(plan.in_channels, self.operations, **self._factory)]
                if plan.is_downsampling
                else [
                    self._res_block(plan.in_channels, plan.out_channels),
                    *self._transformers(plan.level),
                ]
            )
            yield plan.out_channels, nn.ModuleList(layers)

    def _middle_block(self, channels: int) -> nn.ModuleList:
        return nn.ModuleList(
            [
                self._res_block(channels, channels),
                *self._transformers_of(channels),
                self._res_block(channels, channels),
            ]
        )

    def _res_block(self, in_channels: int, out_channels: int) -> nn.Module:
        return ResBlock(
            in_channels,
            out_channels,
            self._embed_dim,
            self._layout.norm_groups,
            self.operations,
            has_temporal_conv=self._has_time_layers,
            **self._factory,
        )

    def _transformers(self, level: int) -> Iterator[nn.Module]:
        """The transformers of a level, if it has any."""
        if 2**level in self._layout.attention_resolutions:
            channels = self._layout.model_channels * self._layout.channel_mult[level]
            yield from self._transformers_of(channels)

    def _transformers_of(self, channels: int) -> Iterator[nn.Module]:
        config, dim_head = self._layout, self._layout.num_head_channels
        layout = TransformerLayout(
            channels // dim_head, dim_head, config.transformer_depth, config.norm_groups
        )
        yield SpatialTransformer(
            channels,
            layout,
            self.operations,
            context_dim=config.context_dim,
            has_image_tokens=self._has_image_tokens,
            **self._factory,
        )
        if self._has_time_layers:
            yield TemporalTransformer(channels, layout, self.operations, **self._factory)

    def _embed(self, values: Tensor, like: Tensor) -> Tensor:
        return sinusoidal_embedding(values, self._layout.model_channels).to(like.dtype)


def run_block(block: nn.Module, h: Tensor, inputs: BlockInputs) -> Tensor:
    """Pass frames (b t) c h w through the layers of a block, each with what it reads."""
    for layer in block.children():
        if isinstance(layer, ResBlock):
            h = layer(h, inputs.embedding, inputs.num_frames)
        elif isinstance(layer, SpatialTransformer):
            h = layer(h, next(inputs.contexts), inputs.image_context, inputs.options)
        elif isinstance(layer, TemporalTransformer):
            h = layer(h, inputs.num_frames, inputs.options)
        else:
            h = layer(h)
    return h
