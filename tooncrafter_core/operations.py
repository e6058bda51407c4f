"""The one seam to the host: every layer and the attention come from here.

Networks receive an ``Operations`` and build their layers from it, so ComfyUI can put its own
classes (weight casting, partial loading, LoRA) in place of these plain ones.
"""

from typing import Any, Protocol, runtime_checkable

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


class TemporalConvMixin:
    """Computes a Conv3d whose kernel is (3, 1, 1) as a 2-D convolution over (time, pixels).

    Put in front of a Conv3d class, it keeps that class's weights and their handling and changes
    only the arithmetic: the 3-D kernels of most backends are slower for this shape.
    """

    padding: tuple[int, ...]

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None, *_: Any) -> Tensor:
        height = x.shape[3]
        x = rearrange(x, "b c t h w -> b c t (h w)")
        out = F.conv2d(x, weight.squeeze(-1), bias, padding=(self.padding[0], 0))
        return rearrange(out, "b c t (h w) -> b c t h w", h=height)


class ClipGroupNormMixin:
    """Adds normalisation by given statistics to a GroupNorm class.

    A clip that is processed a few frames at a time must still be normalised by the statistics of
    all its frames (SPEC section 2.5: statistics joint over time and space).
    """

    num_groups: int
    eps: float

    def affine_parameters(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias on the device of ``x``."""
        raise NotImplementedError

    def normalize(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """Normalise frames t c h w by the ``mean`` and ``variance`` (groups,) of their clip."""
        repeats = x.shape[1] // self.num_groups
        mean, variance = (v.repeat_interleave(repeats) for v in (mean, variance))
        weight, bias = (v.to(mean.dtype) for v in self.affine_parameters(x))
        if mean.requires_grad:
            # Training: the kernel below gives no gradients to the statistics.
            mean, variance, weight, bias = (
                rearrange(v, "c -> c 1 1") for v in (mean, variance, weight, bias)
            )
            return ((x - mean) * (variance + self.eps).rsqrt() * weight + bias).to(x.dtype)
        # Batch norm's inference form is this very formula, in one kernel and with float32 inside.
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=self.eps)


@runtime_checkable
class Operations(Protocol):
    """Layer classes with torch's constructors, and attention."""

    Linear: Any
    Conv1d: Any
    Conv2d: Any
    Conv3d: Any
    GroupNorm: Any
    LayerNorm: Any
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


class TorchOperations:
    """Plain torch layers and its fused attention."""

    Linear = nn.Linear
    Conv1d = nn.Conv1d
    Conv2d = nn.Conv2d
    Conv3d = nn.Conv3d
    GroupNorm = nn.GroupNorm
    LayerNorm = nn.LayerNorm

    class TemporalConv3d(TemporalConvMixin, nn.Conv3d):
        """A temporal convolution with torch's weights."""

    class ClipGroupNorm(ClipGroupNormMixin, nn.GroupNorm):
        """A group norm whose statistics may be given."""

        def affine_parameters(self, x: Tensor) -> tuple[Tensor, Tensor]:
            """Weight and bias as they are stored."""
            return self.weight, self.bias

    def attention(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        options: dict[str, Any] | None = None,
    ) -> Tensor:
        """Attend with torch's fused kernel."""
        q, k, v = (rearrange(x, "b n (h d) -> b h n d", h=heads) for x in (q, k, v))
        return rearrange(F.scaled_dot_product_attention(q, k, v), "b h n d -> b n (h d)")


TORCH_OPERATIONS = TorchOperations()
"""The default of every network."""
