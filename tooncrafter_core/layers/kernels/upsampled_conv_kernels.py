"""Triton kernels around the convolution of an enlarged picture; see ``upsampled_conv``.

Legend: n pictures, o i channels out and in, h w space, a b the place of a pixel within its four.
"""

import triton
import triton.language as tl


@triton.jit
def combine_kernel(weight, out, num_outputs, num_inputs, BLOCK_C: tl.constexpr):
    """The four kernels (a b o) 2 2 i that a kernel o 3 3 i comes down to; sums in float32."""
    output, block = tl.program_id(0).to(tl.int64), tl.program_id(1)
    channels = block * BLOCK_C + tl.arange(0, BLOCK_C)
    mask = channels < num_inputs
    weight += output * 9 * num_inputs + channels
    out += output * 4 * num_inputs + channels
    place = num_outputs.to(tl.int64) * 4 * num_inputs
    for a in tl.static_range(2):
        for b in tl.static_range(2):
            for k in tl.static_range(2):
                for m in tl.static_range(2):
                    # Of three rows the first place joins the last two, the second the first two.
                    total = tl.zeros([BLOCK_C], dtype=tl.float32)
                    for row in tl.static_range(3):
                        for column in tl.static_range(3):
                            if (row + 1 - a) // 2 == k and (column + 1 - b) // 2 == m:
                                values = weight + (row * 3 + column) * num_inputs
                                total += tl.load(values, mask=mask, other=0.0).to(tl.float32)
                    target = out + (a * 2 + b) * place + (k * 2 + m) * num_inputs
                    tl.store(target, total.to(out.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["num_pixels", "width"])
def weave_kernel(
    parts, bias, out, num_pixels, width, num_channels, BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr
):
    """A picture 2h 2w o of its four places, h+1 w+1 (a b o), plus ``bias``.

    ``num_pixels`` and ``width`` are the large picture's.
    """
    part, block, picture = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    channels = block * BLOCK_C + tl.arange(0, BLOCK_C)
    has_channel = channels < num_channels
    pixels = part * BLOCK_S + tl.arange(0, BLOCK_S)
    mask = (pixels < num_pixels)[:, None] & has_channel[None, :]
    row, column = pixels // width, pixels % width
    a, b = row % 2, column % 2
    # A place's own convolution begins as many rows and columns later as the place does.
    columns = width // 2 + 1
    rows = num_pixels // width // 2 + 1
    first = picture * rows * columns
    source = (first + (row // 2 + a) * columns + column // 2 + b) * 4 + 2 * a + b
    values = tl.load(parts + source[:, None] * num_channels + channels[None, :], mask=mask)
    added = tl.load(bias + channels, mask=has_channel, other=0.0).to(tl.float32)
    values = values.to(tl.float32) + added[None, :]
    out += (picture * num_pixels + pixels)[:, None] * num_channels + channels[None, :]
    tl.store(out, values.to(out.dtype.element_ty), mask=mask)
