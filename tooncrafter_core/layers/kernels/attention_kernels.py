"""Triton kernels of attention among few tokens, where common kernels' tiles are mostly empty.

Legend: b batch, n tokens, d channels of a head.
"""

import triton
import triton.language as tl


@triton.jit(
    do_not_specialize=["num_tokens", "q_batch", "k_batch", "v_batch", "q_token", "k_token",
                       "v_token"]
)  # fmt: skip
def short_attention_kernel(
    q, k, v, out, num_tokens, q_batch, q_token, k_batch, k_token, v_batch, v_token,
    dim_all, dim_head, scale, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Softmax attention of one head of one batch item, all its tokens at once.

    Strides are in tokens' own units of 8 values; ``out`` is contiguous b n (h d).
    """
    item, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    tokens, channels = tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_D)
    has_token = tokens < num_tokens
    mask = has_token[:, None] & (channels < dim_head)[None, :]
    columns = head * dim_head + channels[None, :]
    rows = tokens[:, None]
    queries = tl.load(q + (item * q_batch + rows * q_token) * 8 + columns, mask=mask, other=0.0)
    keys = tl.load(k + (item * k_batch + rows * k_token) * 8 + columns, mask=mask, other=0.0)
    values = tl.load(v + (item * v_batch + rows * v_token) * 8 + columns, mask=mask, other=0.0)
    scores = tl.dot(queries, tl.trans(keys), input_precision="ieee") * scale
    scores = tl.where(has_token[None, :], scores, -float("inf"))
    scores = tl.exp(scores - tl.max(scores, axis=1)[:, None])
    sums = tl.sum(scores, axis=1)
    result = tl.dot(scores.to(values.dtype), values, input_precision="ieee") / sums[:, None]
    places = (item * num_tokens + rows) * dim_all + columns
    tl.store(out + places, result.to(out.dtype.element_ty), mask=mask)
