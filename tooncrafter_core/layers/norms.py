"""What our norms add to the host's classes: fused neighbours, clips given a few frames at a time.

A mixin stands in front of a layer class, torch's own or the host's, and keeps its weights and how
they are handled. Where the fused kernels can serve, a norm computes what surrounds it in the same
pass over memory; elsewhere torch's operations do the same one after the other.

Legend: b batch, t frames, c channels, h w space.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .features import Features, values_and_bias
from .kernels.availability import can_fuse
from .kernels.memory_order import channels_last, launch
from .parameters import LayerMixin

Statistics = Tensor | tuple[Tensor, Tensor]
"""Of a clip: what the fused norm multiplies and adds, or mean and variance of its groups."""


class GroupNormMixin(LayerMixin):
    """A GroupNorm, by the fused kernels where they serve."""

    num_groups: int
    eps: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise b c ..., every batch item on its own."""
        if not can_fuse(x):
            return super().forward(x)
        return self._fused(x, silu=False)

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


class ActivatedGroupNormMixin(GroupNormMixin):
    """A GroupNorm and the SiLU after it, in one pass over memory."""

    def forward(self, x: Features) -> Tensor:
        """SiLU of the norm of b c ..., with the bias that is still to be added."""
        values, bias = values_and_bias(x)
        if can_fuse(values):
            return self._fused(values, silu=True, offset=bias)
        if bias is not None:
            values = values + bias.reshape(*bias.shape, *[1] * (values.ndim - 2))
        return F.silu(super().forward(values))


class TemporalGroupNormMixin(GroupNormMixin):
    """A GroupNorm of clips and the change from frames to tokens after it, in one pass."""

    def forward(self, x: Tensor, num_frames: int) -> Tensor:
        """Normalise frames (b t) c h w by clips, and hand them out as tokens (b h w) t c."""
        clip = rearrange(x, "(b t) c h w -> b c t h w", t=num_frames)
        if not can_fuse(x):
            return rearrange(super().forward(clip), "b c t h w -> (b h w) t c")
        clip, sizes, affine = self._affine(clip)
        out = x.new_empty((x.numel() // (num_frames * sizes[2]), num_frames, sizes[2]))
        return launch().normalize(clip, sizes, affine, out, silu=False, num_frames=num_frames)


class ClipGroupNormMixin(GroupNormMixin):
    """Adds normalisation by statistics that were taken before.

    A clip that is processed a few frames at a time must still be normalised by the statistics of
    all its frames (SPEC section 2.5: statistics joint over time and space).
    """

    def statistics(self, clip: Features) -> Statistics:
        """What ``activated_by`` needs of a whole clip t c h w, whose bias it takes along."""
        values, bias = values_and_bias(clip)
        if can_fuse(values):
            return self._affine(rearrange(values, "t c h w -> 1 c t h w"), bias)[2]
        assert bias is None, "only a fused convolution leaves its bias"
        return clip_statistics(values, self.num_groups)

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
    """A LayerNorm, by the fused kernels where they serve."""

    eps: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (..., c)."""
        if not can_fuse(x):
            return super().forward(x)
        with self.parameters_for(x) as (weight, bias):
            return launch().layer_norm(x.contiguous(), weight, bias, self.eps)[1]


class SummedLayerNormMixin(LayerNormMixin):
    """The sum that ends a residual branch and the LayerNorm that begins the next, in one pass."""

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """``x + y`` and its norm, of (..., c)."""
        if not can_fuse(x):
            total = x + y
            return total, super().forward(total)
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
