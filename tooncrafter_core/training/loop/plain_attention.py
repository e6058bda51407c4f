"""Layers for training on a CPU: attention as separate matrix products."""

import torch
from einops import rearrange
from torch import Tensor

from ...layers.operations import TORCH_OPERATIONS, Operations, Options, TorchOperations


class PlainAttentionOperations(TorchOperations):
    """Attention as two matrix products with a softmax between them.

    On a CPU in bfloat16, forward and backward of the mini denoiser take 0.53 of the time of torch's
    fused kernel, in float32 1.05. The fused kernel needs less memory.
    """

    def attention(
        self, q: Tensor, k: Tensor, v: Tensor, heads: int, options: Options = None
    ) -> Tensor:
        """Attend, with all weights in memory at once."""
        q, k, v = (rearrange(x, "b n (h d) -> (b h) n d", h=heads) for x in (q, k, v))
        weights = torch.bmm(q * q.shape[-1] ** -0.5, k.transpose(1, 2)).softmax(dim=-1)
        return rearrange(torch.bmm(weights, v), "(b h) n d -> b n (h d)", h=heads)


def training_operations(attention: str, device: torch.device) -> Operations:
    """The layers for ``fused`` or ``plain`` attention; ``auto`` is the quicker one."""
    is_plain = attention == "plain" or (attention == "auto" and device.type == "cpu")
    return PlainAttentionOperations() if is_plain else TORCH_OPERATIONS
