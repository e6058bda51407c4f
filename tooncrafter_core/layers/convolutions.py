"""What our convolutions add to the host's classes: arithmetic for their shapes, a bias that waits.

A mixin stands in front of a layer class, torch's own or the host's, and keeps its weights and how
they are handled.

Legend: n pictures, b batch, t frames, c channels, h w space.
"""

from collections.abc import Callable

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .features import Biased
from .kernels.availability import can_fuse
from .parameters import LayerMixin
from .upsampled_conv import convolve_enlarged


class ConvMixin(LayerMixin):
    """A convolution of pictures."""

    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve n c h w."""
        return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)


class TemporalConvMixin(LayerMixin):
    """Computes a Conv3d whose kernel is (3, 1, 1) as a 2-D convolution over (time, pixels).

    The 3-D kernels of most backends are slower for this shape.
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


class DeferringMixin(LayerMixin):
    """Lets a convolution leave its bias to whoever reads its result next, where that is quicker.

    Put in front of ``ConvMixin`` or ``TemporalConvMixin``.
    """

    convolve: Callable[[Tensor, Tensor, Tensor | None], Tensor]

    def forward(self, x: Tensor) -> Biased:
        """Convolve; the result has its bias already where nothing is fused."""
        if not can_fuse(x) or not self.holds_parameters(x):
            return Biased(super().forward(x))
        return Biased(self.convolve(x, self.weight, None), self.bias)


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
