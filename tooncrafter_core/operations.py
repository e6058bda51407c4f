"""The one seam to the host: every layer and the attention come from here.

Networks receive an ``Operations`` and build their layers from it, so ComfyUI can put its own
classes (weight casting, partial loading, LoRA) in place of these plain ones.
"""

from typing import Any, Protocol, cast, runtime_checkable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .fused.availability import can_fuse, likes_channels_last
from .fused.layout import channels_last, launch

Statistics = Tensor | tuple[Tensor, Tensor]
"""Of a clip: what the fused norm multiplies and adds, or mean and variance of its groups."""

SHORT = 64
"""Tokens up to which attention among them is fused here; above, torch's kernels are quicker."""


class LayerMixin:
    """What the mixins below know of the layer class they stand in front of."""

    def parameters_for(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias, on the device of ``x``."""
        return cast(Any, self).weight, cast(Any, self).bias

    def holds_parameters(self, x: Tensor) -> bool:
        """Whether the weights are used for ``x`` as they are stored."""
        del x
        return True


class ConvMixin(LayerMixin):
    """Lets a convolution leave its bias to whoever reads its result next.

    Adding it costs as much as reading and writing the result once; a norm or a sum takes it along
    for nothing.
    """

    def unbiased(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The result, and the bias (channels,) that is still to be added, if any."""
        layer = cast(Any, self)
        if not can_fuse(x) or not self.holds_parameters(x):
            return layer(x), None
        weight, bias = self.parameters_for(x)
        return layer._conv_forward(x, weight, None), bias


class TemporalConvMixin(ConvMixin):
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


class TokenConvMixin:
    """Applies a Conv1d whose kernel is 1 to tokens (..., c), as the linear layer that it is."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return F.linear(x, weight.squeeze(-1), bias)


class GroupNormMixin(LayerMixin):
    """Adds to a GroupNorm class what usually surrounds it, in the same pass over memory.

    Without the fused kernels the same is computed by torch's operations one after the other.
    """

    num_groups: int
    eps: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise b c ..., every batch item by itself."""
        if not can_fuse(x):
            return super().forward(x)  # pyright: ignore[reportAttributeAccessIssue]
        return self._fused(x, silu=False)

    def activated(self, x: Tensor, offset: Tensor | None = None) -> Tensor:
        """SiLU of the norm of b c ...; ``offset`` c, or b c, is added to ``x`` before."""
        if can_fuse(x):
            return self._fused(x, silu=True, offset=offset)
        if offset is not None:
            x = x + offset.reshape(*offset.shape, *[1] * (x.ndim - 2))
        return F.silu(cast(Any, self)(x))

    def over_time(self, x: Tensor, num_frames: int) -> Tensor:
        """Normalise frames (b t) c h w by clips, and hand them out as (b h w) t c."""
        clip = rearrange(x, "(b t) c h w -> b c t h w", t=num_frames)
        if not can_fuse(x):
            return rearrange(cast(Any, self)(clip), "b c t h w -> (b h w) t c")
        clip, sizes, affine = self._affine(clip)
        out = x.new_empty((x.numel() // (num_frames * sizes[2]), num_frames, sizes[2]))
        return launch().normalize(clip, sizes, affine, out, silu=False, num_frames=num_frames)

    def _fused(self, x: Tensor, *, silu: bool, offset: Tensor | None = None) -> Tensor:
        x, sizes, affine = self._affine(x, offset)
        return launch().normalize(x, sizes, affine, torch.empty_like(x), silu=silu)

    def _affine(
        self, x: Tensor, offset: Tensor | None = None
    ) -> tuple[Tensor, tuple[int, int, int], Tensor]:
        """``x`` in the kernels' order, its sizes, and what normalises it."""
        x, sizes = channels_last(x)
        weight, bias = self.parameters_for(x)
        affine = launch().group_affine(x, sizes, self.num_groups, weight, bias, self.eps, offset)
        return x, sizes, affine


class ClipGroupNormMixin(GroupNormMixin):
    """Adds normalisation by statistics that were taken before.

    A clip that is processed a few frames at a time must still be normalised by the statistics of
    all its frames (SPEC section 2.5: statistics joint over time and space).
    """

    def statistics(self, clip: Tensor, offset: Tensor | None = None) -> Statistics:
        """What ``activated_by`` needs of a whole clip t c h w.

        ``offset`` c is added to it before; see ``ConvMixin.unbiased``.
        """
        if can_fuse(clip):
            return self._affine(rearrange(clip, "t c h w -> 1 c t h w"), offset)[2]
        assert offset is None, "only a fused convolution leaves its bias"
        return clip_statistics(clip, self.num_groups)

    def activated_by(
        self, statistics: Statistics, x: Tensor, padding: tuple[int, int] = (0, 0)
    ) -> Tensor:
        """SiLU of frames t c h w normalised by the ``statistics`` of their clip.

        ``padding`` frames of zeros are put before and after.
        """
        before, after = padding
        if isinstance(statistics, Tensor):
            x, sizes = channels_last(x)
            frames, channels, height, width = x.shape
            out = x.new_empty((before + frames + after, height, width, channels))
            out[:before].zero_()
            out[before + frames :].zero_()
            inside = out[before : before + frames]
            launch().normalize(x, sizes, statistics, inside, silu=True)
            return rearrange(out, "t h w c -> t c h w")
        h = F.silu(self.normalize(x, *statistics), inplace=True)
        return F.pad(h, (0, 0, 0, 0, 0, 0, before, after)) if before or after else h

    def normalize(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """Normalise frames t c h w by the ``mean`` and ``variance`` (groups,) of their clip."""
        repeats = x.shape[1] // self.num_groups
        mean, variance = (v.repeat_interleave(repeats) for v in (mean, variance))
        weight, bias = (v.to(mean.dtype) for v in self.parameters_for(x))
        if mean.requires_grad:
            # Training: the kernel below gives no gradients to the statistics.
            mean, variance, weight, bias = (
                rearrange(v, "c -> c 1 1") for v in (mean, variance, weight, bias)
            )
            return ((x - mean) * (variance + self.eps).rsqrt() * weight + bias).to(x.dtype)
        # Batch norm's inference form is this very formula, in one kernel and with float32 inside.
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=self.eps)


class LayerNormMixin(LayerMixin):
    """Adds to a LayerNorm class the sum before it, in the same pass over memory."""

    eps: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (..., c)."""
        if not can_fuse(x):
            return super().forward(x)  # pyright: ignore[reportAttributeAccessIssue]
        return launch().layer_norm(x.contiguous(), *self.parameters_for(x), self.eps)[1]

    def after_adding(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """``x + y`` and its norm, of (..., c)."""
        if not can_fuse(x):
            total = x + y
            return total, cast(Any, self)(total)
        x, y = x.contiguous(), y.contiguous()
        return launch().layer_norm(x, *self.parameters_for(x), self.eps, y)


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


def clip_statistics(x: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of the channel groups of a whole clip t c h w; float32, (groups,).

    Taken frame by frame, so that no float32 copy of the clip is made.
    """
    frames = [
        torch.var_mean(
            rearrange(frame.float(), "(g c) h w -> g (c h w)", g=groups), 1, correction=0
        )
        for frame in x
    ]
    variances, means = (torch.stack(values) for values in zip(*frames, strict=True))
    # All frames have the same count: the whole's variance is theirs and that of their means.
    return means.mean(0), variances.mean(0) + means.var(0, correction=0)


def run_normalized(
    layers: Any, x: Tensor, offset: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Norm, SiLU and convolution of a sequence that begins and ends with them.

    ``offset`` is what is still to be added to ``x``; the bias that is still to be added to the
    result is returned beside it, if any.
    """
    return layers[-1].unbiased(layers[0].activated(x, offset))


def join_offsets(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """The sum of what is still to be added to the same frames, each (c,) or (b, c)."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


@runtime_checkable
class Operations(Protocol):
    """Layer classes with torch's constructors, and attention."""

    Linear: Any
    TokenConv1d: Any
    """A Conv1d with ``TokenConvMixin``."""
    Conv2d: Any
    """With ``ConvMixin``."""
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
            return x + y if share is None else torch.addcmul(x, y, share)
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
