"""ComfyUI's layers and attention as the core's ``Operations``."""

import inspect
from typing import Any, cast

import comfy.ops
from comfy.ldm.modules.attention import optimized_attention
from torch import Tensor

from ...tooncrafter_core.operations import (
    TORCH_OPERATIONS,
    ClipGroupNormMixin,
    TemporalConvMixin,
)

_TAKES_OPTIONS = any(
    parameter.name == "transformer_options" or parameter.kind is parameter.VAR_KEYWORD
    for parameter in inspect.signature(optimized_attention).parameters.values()
)
"""Older hosts have no per-call options."""

LARGEST_HEAD = 256
"""Fused kernels of some backends refuse larger heads; the autoencoder has one of 512."""


class HostOperations:
    """Layers that know ComfyUI's weight casting, partial loading and patches."""

    def __init__(self, layers: Any) -> None:
        self.Linear = layers.Linear
        self.Conv1d = layers.Conv1d
        self.Conv2d = layers.Conv2d
        self.Conv3d = layers.Conv3d
        self.GroupNorm = layers.GroupNorm
        self.LayerNorm = layers.LayerNorm

        class TemporalConv3d(TemporalConvMixin, layers.Conv3d):
            """A temporal convolution with the host's weights."""

        class ClipGroupNorm(ClipGroupNormMixin, layers.GroupNorm):
            """A group norm with the host's weights, whose statistics may be given."""

            def affine_parameters(self, x: Tensor) -> tuple[Tensor, Tensor]:
                """Weight and bias as the host would hand them to the layer."""
                weight, bias = cast(Any, comfy.ops.cast_bias_weight(self, x))
                return weight, bias

        self.TemporalConv3d = TemporalConv3d
        self.ClipGroupNorm = ClipGroupNorm

    def attention(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        options: dict[str, Any] | None = None,
    ) -> Tensor:
        """Attend with whatever backend the user has chosen in ComfyUI.

        On the CPU ComfyUI's own choice splits the score matrix by the free memory and fills it;
        torch's fused kernel needs none of it and is quicker.
        """
        is_replaced = bool(options) and "optimized_attention_override" in options
        is_large = q.shape[-1] // heads > LARGEST_HEAD
        if is_large or (q.device.type == "cpu" and not is_replaced):
            return TORCH_OPERATIONS.attention(q, k, v, heads)
        if _TAKES_OPTIONS and options:
            return optimized_attention(q, k, v, heads, transformer_options=options)
        return optimized_attention(q, k, v, heads)
