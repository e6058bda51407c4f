"""A picture enlarged twofold and convolved, without the enlarged picture.

Where every pixel has become two by two, a kernel of 3x3 sees only 2x2 different pixels. The weights
that fall on equal ones are added first, differently for the four places of a pixel within its four:
the small picture is convolved with four kernels of 2x2, which is 4/9 of the work, and their results
are woven into the large one.

Legend: n pictures, o i channels out and in, h w space, a b the place in height and width.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .fused.availability import can_fuse
from .fused.layout import channels_last, launch


def convolve_enlarged(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve n i h w, as it would be at twice the height and width, nearest neighbour.

    ``weight`` is o i 3 3, the enlarged picture's padding 1. Equal to rounding.
    """
    if can_fuse(x):
        parts = F.conv2d(x, _combine(weight), padding=1)
        return _weave(parts, bias)
    if torch.is_grad_enabled():
        # Training: the recipes' recorded losses were learnt so, and would round otherwise.
        return F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), weight, bias, padding=1)
    parts = F.conv2d(x, combined(weight), bias.repeat(4), padding=1)
    return woven(parts)


def combined(weight: Tensor) -> Tensor:
    """The four kernels (a b o) i 2 2 that a kernel o i 3 3 comes down to.

    They are the sums of all its squares of 2x2, with a row and a column of nothing around it, which
    pooling adds up in float32 and rounds once.
    """
    sums = F.avg_pool2d(weight, 2, stride=1, padding=1, divisor_override=1)
    return rearrange(sums, "o i (k a) (l b) -> (a b o) i k l", a=2, b=2)


def woven(parts: Tensor) -> Tensor:
    """The picture n o 2h 2w of its four places, n (a b o) h+1 w+1."""
    count, channels, height, width = parts.shape
    shape = count, channels // 4, 2 * (height - 1), 2 * (width - 1)
    is_last = parts.stride(1) == 1
    order = torch.channels_last if is_last else torch.contiguous_format
    out = torch.empty(shape, dtype=parts.dtype, device=parts.device, memory_format=order)
    for index, part in enumerate(parts.chunk(4, dim=1)):
        a, b = divmod(index, 2)
        out[..., a::2, b::2] = part[..., a : a + height - 1, b : b + width - 1]
    return out


def _combine(weight: Tensor) -> Tensor:
    weight, _ = channels_last(weight)
    outputs, inputs = weight.shape[:2]
    kernels = weight.new_empty((4 * outputs, 2, 2, inputs))
    return rearrange(launch().combine(weight, kernels), "o k l i -> o i k l")


def _weave(parts: Tensor, bias: Tensor) -> Tensor:
    parts, _ = channels_last(parts)
    count, channels, height, width = parts.shape
    out = parts.new_empty((count, 2 * (height - 1), 2 * (width - 1), channels // 4))
    return rearrange(launch().weave(parts, bias, out), "n h w o -> n o h w")
