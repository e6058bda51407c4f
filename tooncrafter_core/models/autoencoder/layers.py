"""Layers of the autoencoder: plain 2-D ones, and those that join frames.

Legend: t frames of one clip, c channels, h w space. A clip travels as
t c h w. Temporal layers can process it a few frames at a time: their result does not depend on
how many, because normalisation uses statistics of the whole clip.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ...layers.features import Biased, Features, values_and_bias
from ...layers.norms import ClipGroupNormMixin
from ...layers.operations import Factory, Operations
from .chunks import FramesOf, map_features, map_frames

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ResnetBlock(nn.Module):
    """A residual block on single frames (SPEC section 6.1)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        norm_groups: int,
        operations: Operations,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__()
        self.operations = operations
        self.norm1 = operations.ActivatedGroupNorm(norm_groups, in_channels, eps=1e-6, **factory)
        self.conv1 = operations.DeferringConv2d(in_channels, out_channels, 3, padding=1, **factory)
        self.norm2 = operations.ActivatedGroupNorm(norm_groups, out_channels, eps=1e-6, **factory)
        self.conv2 = operations.DeferringConv2d(out_channels, out_channels, 3, padding=1, **factory)
        if in_channels != out_channels:
            self.nin_shortcut = operations.DeferringConv2d(in_channels, out_channels, 1, **factory)
        self.has_shortcut = in_channels != out_channels

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.conv2,)

    def forward(self, x: Tensor, *, in_place: bool = False) -> Tensor:
        """Transform t c h w; ``in_place`` allows the result to be written over ``x``."""
        h = self.conv1(self.norm1(x))
        h = self.conv2(self.norm2(h))
        shortcut = self.nin_shortcut(x) if self.has_shortcut else x
        return self.operations.add(shortcut, h, in_place=in_place)


Block = TypeVar("Block", bound=ResnetBlock)


class PixelAttention(nn.Module):
    """Single-head attention among the pixels of a frame (SPEC section 6.1)."""

    def __init__(
        self, channels: int, norm_groups: int, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        super().__init__()
        self.operations = operations
        self.norm = operations.GroupNorm(norm_groups, channels, eps=1e-6, **factory)
        self.q = operations.Conv2d(channels, channels, 1, **factory)
        self.k = operations.Conv2d(channels, channels, 1, **factory)
        self.v = operations.Conv2d(channels, channels, 1, **factory)
        self.proj_out = operations.Conv2d(channels, channels, 1, **factory)

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.proj_out,)

    def forward(self, x: Tensor) -> Tensor:
        """Transform t c h w."""
        normed = self.norm(x)
        q, k, v = (
            rearrange(layer(normed), "t c h w -> t (h w) c") for layer in (self.q, self.k, self.v)
        )
        out = self.operations.attention(q, k, v, 1)
        return x + self.proj_out(rearrange(out, "t (h w) c -> t c h w", h=x.shape[2]))


class Middle(nn.Module, Generic[Block]):
    """The blocks at the lowest resolution."""

    block_1: Block
    block_2: Block

    def __init__(
        self,
        block: type[Block],
        channels: int,
        norm_groups: int,
        operations: Operations,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__()
        self.block_1 = block(channels, channels, norm_groups, operations, **factory)
        self.attn_1 = PixelAttention(channels, norm_groups, operations, **factory)
        self.block_2 = block(channels, channels, norm_groups, operations, **factory)


class TemporalStack(nn.Module):
    """Two normalised convolutions over time (P3D, SPEC section 6.2)."""

    def __init__(
        self, channels: int, norm_groups: int, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        super().__init__()
        self.operations = operations

        def norm() -> nn.Module:
            return operations.ClipGroupNorm(norm_groups, channels, eps=1e-5, **factory)

        def conv() -> nn.Module:
            # No padding: the neighbouring frames are handed in, see ``_convolve``.
            return operations.DeferringTemporalConv3d(channels, channels, (3, 1, 1), **factory)

        # The checkpoint counts the activation, and a dropout before the second convolution.
        self.in_layers = nn.Sequential(norm(), nn.Identity(), conv())
        self.out_layers = nn.Sequential(norm(), nn.Identity(), nn.Identity(), conv())

    def last_of_branch(self) -> Iterable[nn.Module]:
        """Zero when training begins; see ``init_layers``."""
        return (self.out_layers[-1],)

    def forward(self, x: Tensor, weight: Tensor, chunk: int, in_place: bool) -> Tensor:
        """Return ``x + weight * stack(x)`` for a clip t c h w, ``chunk`` frames at a time."""
        num_frames = x.shape[0]
        hidden = map_features(self._convolution(self.in_layers, x), num_frames, chunk)
        second = self._convolution(self.out_layers, hidden)

        def add(start: int, stop: int) -> Tensor:
            frames = x[start:stop]
            return self.operations.add(frames, second(start, stop), weight, in_place=in_place)

        return map_frames(add, num_frames, chunk, into=x if in_place else None)

    def _convolution(self, layers: nn.Sequential, clip: Features) -> FramesOf[Biased]:
        """A function that gives frames of norm, SiLU and convolution of a clip t c h w."""
        norm, convolution = cast(ClipGroupNormMixin, layers[0]), layers[-1]
        statistics, x = norm.statistics(clip), values_and_bias(clip).values
        last = x.shape[0]

        def convolve(start: int, stop: int) -> Biased:
            before, after = max(start - 1, 0), min(stop + 1, last)
            # Past the ends of the clip the convolution sees zeros.
            padding = before - start + 1, stop + 1 - after
            h = norm.activated_by(statistics, x[before:after], padding)
            h = convolution(rearrange(h, "t c h w -> 1 c t h w"))
            return h.rearranged("1 c t h w -> t c h w")

        return convolve


class VideoResBlock(ResnetBlock):
    """A residual block on frames, then a learned share of a stack over time (SPEC section 6.2)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        norm_groups: int,
        operations: Operations,
        **factory: "Unpack[Factory]",
    ) -> None:
        super().__init__(in_channels, out_channels, norm_groups, operations, **factory)
        self.time_stack = TemporalStack(out_channels, norm_groups, operations, **factory)
        self.mix_factor = nn.Parameter(torch.empty(1, **factory))

    def mix_over_time(self, x: Tensor, chunk: int, in_place: bool) -> Tensor:
        """Join the frames of a clip t c h w that has gone through ``forward``."""
        # a * (x + stack(x)) + (1 - a) * x
        share = torch.sigmoid(self.mix_factor.to(x))
        return self.time_stack(x, share, chunk, in_place)
