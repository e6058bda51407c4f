"""The one seam to the host: every layer and the attention come from here.

Networks receive an ``Operations`` and build their layers from it, so ComfyUI can put its own
classes (weight casting, partial loading, LoRA) in place of these plain ones.
"""

from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .kernels.availability import can_fuse, likes_channels_last
from .kernels.memory_order import channels_last, launch
from .mixins import (
    ClipGroupNormMixin,
    ConvMixin,
    EnlargingConvMixin,
    GroupNormMixin,
    LayerNormMixin,
    TemporalConvMixin,
    TokenConvMixin,
)

SHORT = 64
"""Tokens up to which attention among them is fused here; above, torch's kernels are quicker."""


def attends_briefly(q: Tensor, k: Tensor, v: Tensor, heads: int) -> bool:
    """Whether the attention of b n (h d) tokens is among so few that a kernel of ours is quicker.

    Over frames it is: the common kernels hold tiles of 64 tokens by 128, of which 16 are used.
    """
    return (
        can_fuse(q)
        and q.shape == k.shape
        and q.shape[1] <= SHORT
        and q.shape[-1] // heads <= SHORT
        and all(x.stride(2) == 1 and x.stride(0) % 8 == x.stride(1) % 8 == 0 for x in (q, k, v))
    )


@runtime_checkable
class Operations(Protocol):
    """Layer classes with torch's constructors, and attention."""

    Linear: Any
    TokenConv1d: Any
    """A Conv1d with ``TokenConvMixin``."""
    Conv2d: Any
    """With ``ConvMixin``."""
    EnlargingConv2d: Any
    """A Conv2d with ``EnlargingConvMixin``."""
    Conv3d: Any
    GroupNorm: Any
    """With ``GroupNormMixin``."""
    LayerNorm: Any
    """With ``LayerNormMixin``."""
    TemporalConv3d: Any
    """A Conv3d with ``TemporalConvMixin``."""
    ClipGroupNorm: Any
    """A GroupNorm with ``ClipGroupNormMixin``."""

    def attention(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        options: dict[str, Any] | None = None,
    ) -> Tensor:
        """Softmax attention of (b, n, heads * d) queries over (b, m, heads * d) keys."""
        ...

    def arrange(self, x: Tensor) -> Tensor:
        """Frames n c h w in the memory order that the layers are quickest with."""
        ...

    def gated_gelu(self, x: Tensor) -> Tensor:
        """The first half of (..., 2 c) times the GELU of the second."""
        ...

    def add(
        self, x: Tensor, y: Tensor, offset: Tensor | None = None, share: Tensor | None = None,
        *, in_place: bool = False,
    ) -> Tensor:  # fmt: skip
        """``x + share * (y + offset)`` of n c h w; ``offset`` (c,), ``share`` a number, if any.

        ``in_place`` allows the result to be written over ``x``.
        """
        ...

    def add_over_time(self, x: Tensor, y: Tensor, num_frames: int) -> Tensor:
        """``x + y`` of frames (b t) c h w and tokens (b h w) t c, as frames."""
        ...


class TorchOperations:
    """Plain torch layers and its fused attention."""

    Linear = nn.Linear
    Conv3d = nn.Conv3d

    class TokenConv1d(TokenConvMixin, nn.Conv1d):
        """A linear layer whose weights are those of a convolution."""

    class Conv2d(ConvMixin, nn.Conv2d):
        """A convolution that may leave its bias to the next."""

    class EnlargingConv2d(EnlargingConvMixin, nn.Conv2d):
        """A convolution of the picture enlarged twofold."""

    class TemporalConv3d(TemporalConvMixin, nn.Conv3d):
        """A temporal convolution with torch's weights."""

    class GroupNorm(GroupNormMixin, nn.GroupNorm):
        """A group norm, and what surrounds it."""

    class ClipGroupNorm(ClipGroupNormMixin, nn.GroupNorm):
        """A group norm whose statistics may be given."""

    class LayerNorm(LayerNormMixin, nn.LayerNorm):
        """A layer norm, and the sum before it."""

    def attention(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        options: dict[str, Any] | None = None,
    ) -> Tensor:
        """Attend with torch's fused kernel, or among few tokens with one that is made for them."""
        if attends_briefly(q, k, v, heads):
            return launch().short_attention(q, k, v, heads)
        q, k, v = (rearrange(x, "b n (h d) -> b h n d", h=heads) for x in (q, k, v))
        return rearrange(F.scaled_dot_product_attention(q, k, v), "b h n d -> b n (h d)")

    def arrange(self, x: Tensor) -> Tensor:
        """Frames n c h w with a pixel's channels side by side where that is quicker."""
        if not likes_channels_last(x):
            return x
        return x.contiguous(memory_format=torch.channels_last)

    def gated_gelu(self, x: Tensor) -> Tensor:
        """The first half of (..., 2 c) times the GELU of the second."""
        if can_fuse(x):
            return launch().gated_gelu(x.contiguous())
        value, gate = x.chunk(2, dim=-1)
        return value * F.gelu(gate)

    def add(
        self, x: Tensor, y: Tensor, offset: Tensor | None = None, share: Tensor | None = None,
        *, in_place: bool = False,
    ) -> Tensor:  # fmt: skip
        """``x + share * (y + offset)`` of n c h w; ``offset`` (c,), ``share`` a number, if any.

        ``in_place`` allows the result to be written over ``x``.
        """
        if not can_fuse(x) or (offset is None and share is None):
            y = y if offset is None else y + rearrange(offset, "c -> c 1 1")
            out = x if in_place else None
            if share is None:
                return torch.add(x, y, out=out)
            return torch.addcmul(x, y, share, out=out)
        (x, sizes), (y, _) = channels_last(x), channels_last(y)
        out = x if in_place else torch.empty_like(x)
        return launch().add(x, y, sizes, out, offset=offset, share=share)

    def add_over_time(self, x: Tensor, y: Tensor, num_frames: int) -> Tensor:
        """``x + y`` of frames (b t) c h w and tokens (b h w) t c, as frames."""
        if not can_fuse(x):
            height, width = x.shape[2:]
            return x + rearrange(y, "(b h w) t c -> (b t) c h w", h=height, w=width)
        clip, sizes = channels_last(rearrange(x, "(b t) c h w -> b c t h w", t=num_frames))
        total = torch.empty_like(clip)
        launch().add(clip, y.contiguous(), sizes, total, num_frames=num_frames)
        return rearrange(total, "b c t h w -> (b t) c h w")


TORCH_OPERATIONS = TorchOperations()
"""The default of every network."""
