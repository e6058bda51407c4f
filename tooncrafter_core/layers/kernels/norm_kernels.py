"""Triton kernels of normalisation, over rows of channels in the memory's own order.

Legend: n samples (frames, or whole clips), s rows (pixels), c channels. A sample is s c without
gaps. Sums are in float32 whatever the values are in.
"""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["num_rows", "rows_each", "num_parts", "num_samples"])
def moments_kernel(
    x, moments, num_rows, num_channels, rows_each, num_parts, num_samples,
    BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Mean and sum of squared distances from it, of each channel in one part of a sample's rows.

    ``moments`` is 2 n parts c.
    """
    part, block, sample = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    channels = block * BLOCK_C + tl.arange(0, BLOCK_C)
    has_channel = channels < num_channels
    begin = part * rows_each
    end = tl.minimum(begin + rows_each, num_rows)
    x += sample * num_rows * num_channels

    # A first look gives a value near the mean; distances from it lose nothing to cancellation.
    rows = begin + tl.arange(0, BLOCK_S)
    mask = (rows < end)[:, None] & has_channel[None, :]
    places = rows.to(tl.int64)[:, None] * num_channels + channels[None, :]
    first = tl.load(x + places, mask=mask, other=0.0).to(tl.float32)
    pivot = tl.sum(first, axis=0) / tl.minimum(end - begin, BLOCK_S)

    sums = tl.zeros([BLOCK_S, BLOCK_C], dtype=tl.float32)
    powers = tl.zeros([BLOCK_S, BLOCK_C], dtype=tl.float32)
    for start in range(begin, end, BLOCK_S):
        rows = start + tl.arange(0, BLOCK_S)
        mask = (rows < end)[:, None] & has_channel[None, :]
        places = rows.to(tl.int64)[:, None] * num_channels + channels[None, :]
        values = tl.load(x + places, mask=mask, other=0.0).to(tl.float32)
        distances = tl.where(mask, values - pivot[None, :], 0.0)
        sums += distances
        powers += distances * distances
    count = (end - begin).to(tl.float32)
    shift = tl.sum(sums, axis=0) / count
    square = tl.sum(powers, axis=0) - count * shift * shift
    out = (sample * num_parts + part) * num_channels + channels
    tl.store(moments + out, pivot + shift, mask=has_channel)
    out += num_samples.to(tl.int64) * num_parts * num_channels
    tl.store(moments + out, square, mask=has_channel)


@triton.jit(
    do_not_specialize=["num_rows", "rows_each", "num_parts", "num_samples", "offset_stride"]
)
def affine_kernel(
    moments, offset, weight, bias, affine, num_rows, num_channels, group_size, rows_each, num_parts,
    num_samples, offset_stride, eps,
    HAS_OFFSET: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_G: tl.constexpr,
):  # fmt: skip
    """Join the parts of one group; write what makes its channels of mean 0 and variance 1.

    ``affine`` is 2 n c, scale and shift: the norm's own weight and bias are in it, and an
    ``offset`` of each channel that is added before the norm.
    """
    group, sample = tl.program_id(0), tl.program_id(1).to(tl.int64)
    within = tl.arange(0, BLOCK_G)
    channels = group * group_size + within
    has_channel = within < group_size
    total = num_rows.to(tl.float32) * group_size
    squares = moments + num_samples.to(tl.int64) * num_parts * num_channels

    added = tl.zeros([BLOCK_G], dtype=tl.float32)
    if HAS_OFFSET:
        added = tl.load(offset + sample * offset_stride + channels, mask=has_channel, other=0.0)
        added = added.to(tl.float32)

    sums = tl.zeros([BLOCK_P, BLOCK_G], dtype=tl.float32)
    for start in range(0, num_parts, BLOCK_P):
        parts = start + tl.arange(0, BLOCK_P)
        mask = (parts < num_parts)[:, None] & has_channel[None, :]
        count = tl.minimum(rows_each, num_rows - parts * rows_each).to(tl.float32)
        places = (sample * num_parts + parts[:, None]) * num_channels + channels[None, :]
        mean = tl.load(moments + places, mask=mask, other=0.0) + added[None, :]
        sums += tl.where(mask, mean * count[:, None], 0.0)
    mean_of_all = tl.sum(sums) / total

    powers = tl.zeros([BLOCK_P, BLOCK_G], dtype=tl.float32)
    for start in range(0, num_parts, BLOCK_P):
        parts = start + tl.arange(0, BLOCK_P)
        mask = (parts < num_parts)[:, None] & has_channel[None, :]
        count = tl.minimum(rows_each, num_rows - parts * rows_each).to(tl.float32)
        places = (sample * num_parts + parts[:, None]) * num_channels + channels[None, :]
        distance = tl.load(moments + places, mask=mask, other=0.0) + added[None, :] - mean_of_all
        square = tl.load(squares + places, mask=mask, other=0.0)
        powers += tl.where(mask, square + count[:, None] * distance * distance, 0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(powers) / total + eps)

    scale = tl.load(weight + channels, mask=has_channel, other=0.0).to(tl.float32) * inverse
    shift = tl.load(bias + channels, mask=has_channel, other=0.0).to(tl.float32)
    shift += (added - mean_of_all) * scale
    out = sample * num_channels + channels
    tl.store(affine + out, scale, mask=has_channel)
    out += num_samples.to(tl.int64) * num_channels
    tl.store(affine + out, shift, mask=has_channel)


@triton.jit(do_not_specialize=["num_rows", "num_pixels", "num_frames", "num_affine"])
def normalize_kernel(
    x, affine, out, num_rows, num_channels, num_pixels, num_frames, num_affine,
    SILU: tl.constexpr, OVER_TIME: tl.constexpr, BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """``x * scale + shift``, through SiLU if asked; rows (t pixels) may leave as (pixels t)."""
    part, block, sample = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    channels = block * BLOCK_C + tl.arange(0, BLOCK_C)
    has_channel = channels < num_channels
    rows = part * BLOCK_S + tl.arange(0, BLOCK_S)
    mask = (rows < num_rows)[:, None] & has_channel[None, :]
    first = sample * num_rows
    places = (first + rows)[:, None] * num_channels + channels[None, :]
    values = tl.load(x + places, mask=mask, other=0.0).to(tl.float32)
    affine += (sample % num_affine) * num_channels + channels
    scale = tl.load(affine, mask=has_channel, other=0.0)
    shift = tl.load(affine + num_affine.to(tl.int64) * num_channels, mask=has_channel, other=0.0)
    values = values * scale[None, :] + shift[None, :]
    if SILU:
        values = values / (1.0 + tl.exp(-values))
    if OVER_TIME:
        rows = (rows % num_pixels) * num_frames + rows // num_pixels
        places = (first + rows)[:, None] * num_channels + channels[None, :]
    tl.store(out + places, values.to(out.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["num_rows"])
def layer_norm_kernel(
    x, added, weight, bias, total, out, num_rows, num_channels, eps,
    HAS_ADDED: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """The norm of every row of ``x``, or of ``x + added``, which is written to ``total``."""
    rows = tl.program_id(0).to(tl.int64) * BLOCK_R + tl.arange(0, BLOCK_R)
    channels = tl.arange(0, BLOCK_C)
    has_channel = channels < num_channels
    mask = (rows < num_rows)[:, None] & has_channel[None, :]
    places = rows[:, None] * num_channels + channels[None, :]
    values = tl.load(x + places, mask=mask, other=0.0).to(tl.float32)
    if HAS_ADDED:
        values += tl.load(added + places, mask=mask, other=0.0).to(tl.float32)
        rounded = values.to(total.dtype.element_ty)
        tl.store(total + places, rounded, mask=mask)
        values = rounded.to(tl.float32)
    mean = tl.sum(values, axis=1) / num_channels
    distances = tl.where(mask, values - mean[:, None], 0.0)
    variance = tl.sum(distances * distances, axis=1) / num_channels
    inverse = 1.0 / tl.sqrt(variance + eps)
    scale = tl.load(weight + channels, mask=has_channel, other=0.0).to(tl.float32)
    shift = tl.load(bias + channels, mask=has_channel, other=0.0).to(tl.float32)
    normed = distances * inverse[:, None] * scale[None, :] + shift[None, :]
    tl.store(out + places, normed.to(out.dtype.element_ty), mask=mask)
