"""What our layers add to the host's classes: arithmetic for their shapes, and fused neighbours.

A mixin stands in front of a layer class, torch's own or the host's, and keeps its weights and how
they are handled. Where the fused kernels can serve, a layer computes what surrounds it in the same
pass over memory; elsewhere torch's operations do the same one after the other.

Legend: b batch, t frames, c channels, h w space.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .kernels.availability import can_fuse
from .kernels.memory_order import channels_last, launch
from .upsampled_conv import convolve_enlarged

Statistics = Tensor | tuple[Tensor, Tensor]
"""Of a clip: what the fused norm multiplies and adds, or mean and variance of its groups."""


class LayerMixin:
    """What the mixins below know of the layer class they stand in front of."""

    def parameters_for(self, x: Tensor) -> AbstractContextManager[tuple[Tensor, Tensor]]:
        """Weight and bias on the device of ``x`` and in its dtype, while the context lasts."""
        return nullcontext((cast(Any, self).weight, cast(Any, self).bias))

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
        return self.convolve(x, layer.weight, None), layer.bias

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve n c h w."""
        layer = cast(Any, self)
        return F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)


class TemporalConvMixin(ConvMixin):
    """Computes a Conv3d whose kernel is (3, 1, 1) as a 2-D convolution over (time, pixels).

    Put in front of a Conv3d class, it keeps that class's weights and their handling and changes
    only the arithmetic: the 3-D kernels of most backends are slower for this shape.
    """

    padding: tuple[int, ...]

    def forward(self, x: Tensor) -> Tensor:
        """Convolve b c t h w over time."""
        with self.parameters_for(x) as (weight, bias):
            return self.convolve(x, weight, bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve b c t h w over time."""
        height = x.shape[3]
        x = rearrange(x, "b c t h w -> b c t (h w)")
        out = F.conv2d(x, weight.squeeze(-1), bias, padding=(self.padding[0], 0))
        return rearrange(out, "b c t (h w) -> b c t h w", h=height)


class EnlargingConvMixin(LayerMixin):
    """Applies a Conv2d whose kernel is 3x3 to the picture enlarged twofold, which is never made."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve n c h w at twice its height and width."""
        with self.parameters_for(x) as (weight, bias):
            return convolve_enlarged(x, weight, bias)


class TokenConvMixin(LayerMixin):
    """Applies a Conv1d whose kernel is 1 to tokens (..., c), as the linear layer that it is."""

    def forward(self, x: Tensor) -> Tensor:
        """Weigh the channels of every token."""
        with self.parameters_for(x) as (weight, bias):
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
        groups, launcher = self.num_groups, launch()
        with self.parameters_for(x) as (weight, bias):
            affine = launcher.group_affine(x, sizes, groups, weight, bias, self.eps, offset)
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
        with self.parameters_for(x) as parameters:
            # Copies, which outlast the context.
            weight, bias = (v.to(mean.dtype, copy=True) for v in parameters)
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
        with self.parameters_for(x) as (weight, bias):
            return launch().layer_norm(x.contiguous(), weight, bias, self.eps)[1]

    def after_adding(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """``x + y`` and its norm, of (..., c)."""
        if not can_fuse(x):
            total = x + y
            return total, cast(Any, self)(total)
        x, y = x.contiguous(), y.contiguous()
        with self.parameters_for(x) as (weight, bias):
            return launch().layer_norm(x, weight, bias, self.eps, y)


def clip_statistics(x: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of the channel groups of a whole clip t c h w, (groups,).

    In float32 at least, and frame by frame, so that no float32 copy of the clip is made.
    """
    precision = torch.promote_types(x.dtype, torch.float32)
    frames = [
        torch.var_mean(
            rearrange(frame.to(precision), "(g c) h w -> g (c h w)", g=groups), 1, correction=0
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
