"""Convolutional layers of the denoiser.

Legend: b batch, t frames, c channels, h w space. Frames travel as a batch, (b t) c h w.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..layers.operations import Factory, Operations

if TYPE_CHECKING:
    from typing_extensions import Unpack


def sinusoidal_embedding(values: Tensor, dim: int) -> Tensor:
    """Embed numbers (b,) as float32 (b, dim), cosines first (SPEC section 2.2)."""
    half = dim // 2
    exponents = torch.arange(half, dtype=torch.float32, device=values.device) / half
    angles = values.float()[:, None] * torch.exp(-math.log(10000.0) * exponents)
    embedding = torch.cat([angles.cos(), angles.sin()], dim=-1)
    return F.pad(embedding, (0, dim % 2))


class EncoderConfig(Protocol):
    """What the encoders of the denoiser and of sketches are laid out by."""

    @property
    def model_channels(self) -> int:
        """Channels of the first level."""
        ...

    @property
    def channel_mult(self) -> tuple[int, ...]:
        """Channels of each level relative to the first."""
        ...

    @property
    def num_res_blocks(self) -> int:
        """Residual blocks a level."""
        ...


class BlockPlan(NamedTuple):
    """One of an encoder's blocks after its first convolution."""

    level: int
    in_channels: int
    out_channels: int
    is_downsampling: bool


def plan_encoder(config: EncoderConfig) -> list[BlockPlan]:
    """List an encoder's blocks: residual ones of each level, and a downsampling between levels."""
    plans, channels = [], config.model_channels
    for level, mult in enumerate(config.channel_mult):
        if level:
            plans.append(BlockPlan(level, channels, channels, is_downsampling=True))
        for _ in range(config.num_res_blocks):
            out_channels = config.model_channels * mult
            plans.append(BlockPlan(level, channels, out_channels, is_downsampling=False))
            channels = out_channels
    return plans


class TemporalConvStack(nn.Module):
    """Four normalised convolutions over time, added to their input (SPEC section 2.5)."""

    def __init__(
        self, channels: int, norm_groups: int, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        super().__init__()
        self.operations = operations

        def norm() -> nn.Module:
            return operations.ActivatedGroupNorm(norm_groups, channels, eps=1e-5, **factory)

        def conv() -> nn.Module:
            return operations.DeferringTemporalConv3d(
                channels, channels, (3, 1, 1), padding=(1, 0, 0), **factory
            )

        # The checkpoint counts the activation, and a dropout from the second on.
        self.conv1 = nn.Sequential(norm(), nn.Identity(), conv())
        self.conv2 = nn.Sequential(norm(), nn.Identity(), nn.Identity(), conv())
        self.conv3 = nn.Sequential(norm(), nn.Identity(), nn.Identity(), conv())
        self.conv4 = nn.Sequential(norm(), nn.Identity(), nn.Identity(), conv())

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.conv4[-1],)

    def forward(self, x: Tensor, num_frames: int) -> Tensor:
        """Transform (b t) c h w; norm statistics are joint over the frames of a clip."""
        h = self.conv1(rearrange(x, "(b t) c h w -> b c t h w", t=num_frames))
        for layers in (self.conv2, self.conv3, self.conv4):
            h = layers(h)
        return self.operations.add(x, h.rearranged("b c t h w -> (b t) c h w"))


class ResBlock(nn.Module):
    """A residual block conditioned on the timestep, perhaps with a stack over time (SPEC 2.5)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        embed_dim: int,
        norm_groups: int,
        operations: Operations,
        *,
        has_temporal_conv: bool,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__()
        self.operations = operations
        self.in_layers = nn.Sequential(
            operations.ActivatedGroupNorm(norm_groups, in_channels, eps=1e-5, **factory),
            nn.Identity(),  # the checkpoint counts the activation here
            operations.DeferringConv2d(in_channels, out_channels, 3, padding=1, **factory),
        )
        self.emb_layers = nn.Sequential(
            nn.SiLU(), operations.Linear(embed_dim, out_channels, **factory)
        )
        self.out_layers = nn.Sequential(
            operations.ActivatedGroupNorm(norm_groups, out_channels, eps=1e-5, **factory),
            nn.Identity(),  # the checkpoint counts the activation here
            nn.Identity(),  # and a dropout
            operations.DeferringConv2d(out_channels, out_channels, 3, padding=1, **factory),
        )
        self.skip_connection = (
            nn.Identity()
            if in_channels == out_channels
            else operations.DeferringConv2d(in_channels, out_channels, 1, **factory)
        )
        if has_temporal_conv:
            # The misspelling is in the checkpoint.
            self.temopral_conv = TemporalConvStack(out_channels, norm_groups, operations, **factory)
        self.has_temporal_conv = has_temporal_conv

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.out_layers[-1],)

    def forward(self, x: Tensor, embedding: Tensor, num_frames: int) -> Tensor:
        """Transform (b t) c h w, conditioned on ``embedding`` (b t, embed_dim)."""
        h = self.in_layers(x)
        h = h.shifted(self.emb_layers(embedding))
        h = self.out_layers(h)
        h = self.operations.add(self.skip_connection(x), h)
        return self.temopral_conv(h, num_frames) if self.has_temporal_conv else h


class Downsample(nn.Module):
    """Halve height and width by a strided convolution."""

    def __init__(self, channels: int, operations: Operations, **factory: "Unpack[Factory]") -> None:
        super().__init__()
        self.op = operations.Conv2d(channels, channels, 3, stride=2, padding=1, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """Map b c h w to b c h/2 w/2."""
        return self.op(x)


class Upsample(nn.Module):
    """Double height and width: nearest neighbour, then a convolution."""

    def __init__(self, channels: int, operations: Operations, **factory: "Unpack[Factory]") -> None:
        super().__init__()
        self.conv = operations.EnlargingConv2d(channels, channels, 3, padding=1, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """Map b c h w to b c 2h 2w."""
        return self.conv(x)
