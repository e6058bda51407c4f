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

from .kernels.availability import can_fuse
from .kernels.memory_order import channels_last, launch
from .subpixel import combined, woven


def convolve_enlarged(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve n i h w, as it would be at twice the height and width, nearest neighbour.

    ``weight`` is o i 3 3, the enlarged picture's padding 1. Equal to rounding.
    """
    if can_fuse(x):
        parts = F.conv2d(x, _combine(weight), padding=1)
        return _weave(parts, bias)
    if torch.is_grad_enabled():
        # Training: the recipes' losses were recorded so, and would round otherwise.
        return F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), weight, bias, padding=1)
    parts = F.conv2d(x, combined(weight), bias.repeat(4), padding=1)
    return woven(parts)


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
