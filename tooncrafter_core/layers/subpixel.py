"""The two steps of convolving a picture that is twice as large, by torch's own operations.

The kernel becomes four kernels of 2x2 for the small picture, and their results are woven into the
large one; see ``upsampled_conv``.

Legend: n pictures, o i channels out and in, h w space, a b the place in height and width.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor


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
