"""What the fused kernels compute, in terms of tensors.

Legend: n samples (frames, or whole clips), s rows (pixels), c channels. Results are what torch's
own operations give, to rounding; half precisions are rounded once, at the end, where a chain of
operations rounds after every one.
"""

from collections.abc import Hashable
from typing import Any, ClassVar

import torch
from torch import Tensor

from .attention_kernels import short_attention_kernel
from .norm_kernels import affine_kernel, layer_norm_kernel, moments_kernel, normalize_kernel
from .pointwise_kernels import add_kernel, gated_gelu_kernel
from .upsampled_conv_kernels import combine_kernel, weave_kernel

ROWS, CHANNELS = 32, 64
"""Of the tile that a program sums up."""

FEW_ROWS, MANY_CHANNELS = 16, 128
"""Of the tile that a program computes value by value: longer pieces of memory are quicker."""

PROGRAMS = 1024
"""Parts that all samples are cut into for their moments: enough for the largest cards."""

ALIGNMENT = 16
"""Bytes to which Triton finds tensors aligned and then relies on it."""


class Kernel:
    """A Triton kernel that is looked up once for every kind of call.

    Triton looks at every argument of every call, which takes the host longer than the card needs
    for many of these kernels. What it looks at is the same whenever ``key`` is the same and the
    tensors are aligned, so from the second call on its result is launched as it is.
    """

    is_direct: ClassVar[bool] = True
    """Whether Triton lets its results be launched so; versions before 3.2 want other arguments."""

    def __init__(self, function: Any, num_warps: int = 4) -> None:
        self._function, self._num_warps = function, num_warps
        self._compiled: dict[Hashable, Any] = {}

    def __call__(self, grid: tuple[int, int, int], key: Hashable, *arguments: Any) -> None:
        """Launch on the card of the first argument, a tensor; ``key`` says types and sizes."""
        device = arguments[0].device.index
        if device is not None and device != torch.cuda.current_device():
            with torch.cuda.device(device):
                return self(grid, key, *arguments)
        key = device, key
        addresses = 0
        for argument in arguments:
            if not isinstance(argument, Tensor):
                break
            addresses |= argument.data_ptr()
        is_aligned = addresses % ALIGNMENT == 0
        compiled = self._compiled.get(key) if is_aligned and self.is_direct else None
        if compiled is not None:
            compiled[grid](*arguments)
            return None
        compiled = self._function[grid](*arguments, num_warps=self._num_warps)
        if is_aligned:
            self._compiled[key] = compiled
        return None


_moments, _affine, _normalize = map(Kernel, (moments_kernel, affine_kernel, normalize_kernel))
_layer_norm, _gated_gelu = Kernel(layer_norm_kernel), Kernel(gated_gelu_kernel)
_add = Kernel(add_kernel)
_combine, _weave = Kernel(combine_kernel), Kernel(weave_kernel)
SHORT_LENGTHS = (16, 32, 64)
"""Tokens that a program attends among; fewer leave a part of it empty."""
_short_attention = {size: Kernel(short_attention_kernel, size // 16) for size in SHORT_LENGTHS}


def group_affine(
    x: Tensor, sizes: tuple[int, int, int], groups: int, weight: Tensor, bias: Tensor, eps: float,
    offset: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Statistics of samples n s c, as what a group norm multiplies and adds: 2 n c, float32.

    ``x`` is memory of that order and of these ``sizes``, whatever its shape. ``offset`` c, or n c,
    is added to the channels before the norm, by changing the statistics.
    """
    num_samples, num_rows, channels = sizes
    block = _power_of_two(channels, CHANNELS)
    blocks = -(-channels // block)
    parts = max(1, min(-(-num_rows // ROWS), PROGRAMS // max(1, num_samples * blocks)))
    rows_each = -(-num_rows // parts)
    parts = -(-num_rows // rows_each)
    moments = torch.empty(2 * num_samples * parts * channels, dtype=torch.float32, device=x.device)
    _moments(
        (parts, blocks, num_samples), (x.dtype, channels),
        x, moments, num_rows, channels, rows_each, parts, num_samples, ROWS, block,
    )  # fmt: skip
    affine = torch.empty((2, num_samples, channels), dtype=torch.float32, device=x.device)
    size = channels // groups
    has_offset = offset is not None
    shift = weight if offset is None else offset
    _affine(
        (groups, num_samples, 1),
        (weight.dtype, bias.dtype, shift.dtype, channels, size, has_offset),
        moments, shift, weight, bias, affine, num_rows, channels, size, rows_each, parts,
        num_samples, channels if has_offset and shift.ndim == 2 else 0, eps,
        has_offset, ROWS, _power_of_two(size),
    )  # fmt: skip
    return affine


def normalize(
    x: Tensor, sizes: tuple[int, int, int], affine: Tensor, out: Tensor, *, silu: bool,
    num_frames: int = 0,
) -> Tensor:  # fmt: skip
    """Normalise samples n s c into ``out``, through SiLU if asked.

    One ``affine`` may serve all samples. With ``num_frames`` a sample's rows (t pixels) are written
    as (pixels t).
    """
    _, num_rows, channels = sizes
    _normalize(
        _tiles(*sizes), (x.dtype, channels, silu, num_frames > 0),
        x, affine, out, num_rows, channels, num_rows // max(1, num_frames), num_frames,
        affine.shape[1], silu, num_frames > 0, FEW_ROWS, _power_of_two(channels, MANY_CHANNELS),
    )  # fmt: skip
    return out


def layer_norm(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float, added: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """``x + added`` and the norm of its rows (..., c); ``x`` itself when nothing is added."""
    channels = x.shape[-1]
    num_rows = x.numel() // channels
    block = _power_of_two(channels)
    rows = max(1, 2048 // block)
    has_added, other = added is not None, x if added is None else added
    out = torch.empty_like(x)
    total = torch.empty_like(x) if has_added else x
    _layer_norm(
        (-(-num_rows // rows), 1, 1),
        (x.dtype, other.dtype, weight.dtype, bias.dtype, channels, has_added),
        x, other, weight, bias, total, out, num_rows, channels, eps,
        has_added, rows, block,
    )  # fmt: skip
    return total, out


def gated_gelu(x: Tensor) -> Tensor:
    """The first half of the channels (..., 2 c) times the GELU of the second."""
    channels = x.shape[-1] // 2
    num_rows = x.numel() // (2 * channels)
    out = torch.empty((*x.shape[:-1], channels), dtype=x.dtype, device=x.device)
    block = _power_of_two(channels, 256)
    _gated_gelu(
        (-(-num_rows // 8), -(-channels // block), 1), (x.dtype, channels),
        x, out, num_rows, channels, 8, block,
    )  # fmt: skip
    return out


def add(
    x: Tensor, y: Tensor, sizes: tuple[int, int, int], out: Tensor, *, offset: Tensor | None = None,
    share: Tensor | None = None, num_frames: int = 0,
) -> Tensor:  # fmt: skip
    """``x + share * (y + offset)`` of samples n s c into ``out``, which may be ``x``.

    ``offset`` is c, ``share`` a single number. With ``num_frames`` the rows of ``y`` are (pixels t)
    where those of ``x`` are (t pixels).
    """
    _, num_rows, channels = sizes
    has_offset, has_share = offset is not None, share is not None
    shift, weight = x if offset is None else offset, x if share is None else share
    _add(
        _tiles(*sizes),
        (x.dtype, y.dtype, shift.dtype, weight.dtype, out.dtype, channels, has_offset, has_share,
         num_frames > 0),
        x, y, shift, weight, out, num_rows, channels, num_rows // max(1, num_frames), num_frames,
        has_offset, has_share, num_frames > 0, FEW_ROWS, _power_of_two(channels, MANY_CHANNELS),
    )  # fmt: skip
    return out


def short_attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Softmax attention among the n tokens of b n (h d), all three of that shape.

    Their last dimension is contiguous, the strides of the others are multiples of 8.
    """
    batch, num_tokens, dim = q.shape
    size = dim // heads
    out = torch.empty((batch, num_tokens, dim), dtype=q.dtype, device=q.device)
    block, width = max(16, _power_of_two(num_tokens)), max(16, _power_of_two(size))
    strides = [stride // 8 for x in (q, k, v) for stride in x.stride()[:2]]
    _short_attention[block](
        (batch, heads, 1), (q.dtype, k.dtype, v.dtype, dim, size),
        q, k, v, out, num_tokens, *strides, dim, size, size**-0.5, block, width,
    )  # fmt: skip
    return out


def combine(weight: Tensor, out: Tensor) -> Tensor:
    """The four kernels that a kernel for an enlarged picture comes down to; see ``upsampled_conv``.

    ``weight`` is memory of o 3 3 i, ``out`` of (4 o) 2 2 i.
    """
    outputs, inputs = weight.shape[:2]
    block = _power_of_two(inputs, 1024)
    _combine(
        (outputs, -(-inputs // block), 1), (weight.dtype, outputs, inputs),
        weight, out, outputs, inputs, block,
    )  # fmt: skip
    return out


def weave(parts: Tensor, bias: Tensor, out: Tensor) -> Tensor:
    """An enlarged picture of the four places of its pixels, plus ``bias`` o.

    ``parts`` is memory of n h+1 w+1 (4 o), ``out`` of n 2h 2w o.
    """
    count, height, width, channels = out.shape
    sizes = count, height * width, channels
    _weave(
        _tiles(*sizes), (parts.dtype, bias.dtype, channels),
        parts, bias, out, height * width, width, channels,
        FEW_ROWS, _power_of_two(channels, MANY_CHANNELS),
    )  # fmt: skip
    return out


def _tiles(num_samples: int, num_rows: int, channels: int) -> tuple[int, int, int]:
    blocks = -(-channels // _power_of_two(channels, MANY_CHANNELS))
    return -(-num_rows // FEW_ROWS), blocks, num_samples


def _power_of_two(number: int, largest: int = 1 << 30) -> int:
    """The least power of two not below a number, up to ``largest``."""
    return min(1 << max(0, number - 1).bit_length(), largest)
