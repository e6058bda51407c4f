"""The one seam to the host: every layer and the attention come from here.

Networks receive an ``Operations`` and build their layers from it, so ComfyUI can put its own
classes (weight casting, partial loading, LoRA) in place of these plain ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypedDict

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .features import Features, values_and_bias
from .kernels.availability import can_fuse, likes_channels_last
from .kernels.memory_order import channels_last, launch
from .kinds import layer_classes

Options = dict[str, Any] | None
"""What a call gets from the host, such as ComfyUI's ``transformer_options``; the core adds none."""


class Factory(TypedDict, total=False):
    """How the weights of a layer are made, as torch's layers take it."""

    dtype: torch.dtype | None
    device: torch.device | str | None


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


class Operations(ABC):
    """Layer classes with torch's constructors, and attention."""

    Linear: Callable[..., nn.Linear]
    TokenConv1d: Callable[..., nn.Conv1d]
    """Of tokens (..., c), as a linear layer; its weights are a convolution's."""
    Conv2d: Callable[..., nn.Conv2d]
    DeferringConv2d: Callable[..., nn.Conv2d]
    """Gives ``Biased`` features: its bias may still be to be added."""
    EnlargingConv2d: Callable[..., nn.Conv2d]
    """Of the picture enlarged twofold."""
    TemporalConv3d: Callable[..., nn.Conv3d]
    """Of clips b c t h w over time; its kernel is (3, 1, 1)."""
    DeferringTemporalConv3d: Callable[..., nn.Conv3d]
    """The same, and gives ``Biased`` features."""
    GroupNorm: Callable[..., nn.GroupNorm]
    ActivatedGroupNorm: Callable[..., nn.GroupNorm]
    """With the SiLU after it; reads ``Features``."""
    TemporalGroupNorm: Callable[..., nn.GroupNorm]
    """Frames (b t) c h w and their number, normalised by clips, to tokens (b h w) t c."""
    ClipGroupNorm: Callable[..., nn.GroupNorm]
    """With statistics that were taken before; see ``ClipGroupNormMixin``."""
    LayerNorm: Callable[..., nn.LayerNorm]
    SummedLayerNorm: Callable[..., nn.LayerNorm]
    """Two terms to their sum and its norm."""

    @abstractmethod
    def attention(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        options: Options = None,
    ) -> Tensor:
        """Softmax attention of (b, n, heads * d) queries over (b, m, heads * d) keys."""
        ...

    @abstractmethod
    def arrange(self, x: Tensor) -> Tensor:
        """Frames n c h w in the memory order that the layers are quickest with."""
        ...

    @abstractmethod
    def gated_gelu(self, x: Tensor) -> Tensor:
        """The first half of (..., 2 c) times the GELU of the second."""
        ...

    @abstractmethod
    def add(
        self, x: Features, y: Features, share: Tensor | None = None, *, in_place: bool = False
    ) -> Tensor:
        """``x + share * y`` of n c h w with whatever bias either waits for; ``share`` a number.

        ``in_place`` allows the result to be written over ``x``.
        """
        ...

    @abstractmethod
    def add_over_time(self, x: Tensor, y: Tensor, num_frames: int) -> Tensor:
        """``x + y`` of frames (b t) c h w and tokens (b h w) t c, as frames."""
        ...


class TorchOperations(Operations):
    """Plain torch layers and its fused attention."""

    Linear = nn.Linear

    def attention(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        options: Options = None,
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
        self, x: Features, y: Features, share: Tensor | None = None, *, in_place: bool = False
    ) -> Tensor:
        """``x + share * y`` of n c h w with whatever bias either waits for; ``share`` a number.

        ``in_place`` allows the result to be written over ``x``.
        """
        (x, bias), both = values_and_bias(x), values_and_bias(y)
        if bias is not None:
            assert share is None, "the first term's bias is no part of the share"
            both = both.shifted(bias)
        y, offset = both
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


for _name, _kind in layer_classes(nn).items():
    setattr(TorchOperations, _name, _kind)

TORCH_OPERATIONS = TorchOperations()
"""The default of every network."""
