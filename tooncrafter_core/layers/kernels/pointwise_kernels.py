"""Triton kernels that compute every value on its own, over rows of channels.

Legend: n samples, s rows (pixels), c channels.
"""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["num_rows"])
def gated_gelu_kernel(x, out, num_rows, num_channels, BLOCK_R: tl.constexpr, BLOCK_C: tl.constexpr):
    """The first half of each row times the GELU of its second; ``num_channels`` of a half."""
    rows = tl.program_id(0).to(tl.int64) * BLOCK_R + tl.arange(0, BLOCK_R)
    channels = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    mask = (rows < num_rows)[:, None] & (channels < num_channels)[None, :]
    places = rows[:, None] * (2 * num_channels) + channels[None, :]
    value = tl.load(x + places, mask=mask, other=0.0).to(tl.float32)
    gate = tl.load(x + places + num_channels, mask=mask, other=0.0).to(tl.float32)
    gate = 0.5 * gate * (1.0 + tl.math.erf(gate * 0.7071067811865476))
    out += rows[:, None] * num_channels + channels[None, :]
    tl.store(out, (value * gate).to(out.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["num_rows", "num_pixels", "num_frames"])
def add_kernel(
    x, y, offset, share, out, num_rows, num_channels, num_pixels, num_frames,
    HAS_OFFSET: tl.constexpr, HAS_SHARE: tl.constexpr, OVER_TIME: tl.constexpr,
    BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """``x + share * (y + offset)``, an offset of each channel.

    The rows of y may be (pixels t) where those of x are (t pixels).
    """
    part, block, sample = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    channels = block * BLOCK_C + tl.arange(0, BLOCK_C)
    has_channel = channels < num_channels
    rows = part * BLOCK_S + tl.arange(0, BLOCK_S)
    mask = (rows < num_rows)[:, None] & has_channel[None, :]
    first = sample * num_rows
    places = (first + rows)[:, None] * num_channels + channels[None, :]
    theirs = places
    if OVER_TIME:
        others = (rows % num_pixels) * num_frames + rows // num_pixels
        theirs = (first + others)[:, None] * num_channels + channels[None, :]
    values = tl.load(y + theirs, mask=mask, other=0.0).to(tl.float32)
    if HAS_OFFSET:
        added = tl.load(offset + channels, mask=has_channel, other=0.0).to(tl.float32)
        values += added[None, :]
    if HAS_SHARE:
        values *= tl.load(share).to(tl.float32)
    values += tl.load(x + places, mask=mask, other=0.0).to(tl.float32)
    tl.store(out + places, values.to(out.dtype.element_ty), mask=mask)
