"""ComfyUI's layers and attention as the core's ``Operations``."""

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import comfy.ops
import torch
from comfy.ldm.modules.attention import optimized_attention
from torch import Tensor, nn

from ...tooncrafter_core.layers.kinds import layer_classes
from ...tooncrafter_core.layers.operations import Options, TorchOperations, attends_briefly

_TAKES_OPTIONS = any(
    parameter.name == "transformer_options" or parameter.kind is parameter.VAR_KEYWORD
    for parameter in inspect.signature(optimized_attention).parameters.values()
)
"""Older hosts have no per-call options."""

_LENDS_PARAMETERS = (
    hasattr(comfy.ops, "uncast_bias_weight")
    and "offloadable" in inspect.signature(comfy.ops.cast_bias_weight).parameters
)
"""Older hosts hand out weights for good."""

LARGEST_HEAD = 256
"""Fused kernels of some backends refuse larger heads; the autoencoder has one of 512."""


class HostParameters:
    """A layer's weights as the host would hand them to it: in place, cast, loaded, patched."""

    def holds_parameters(self, x: Tensor) -> bool:
        """Whether the host would use the weights for ``x`` as they are stored."""
        layer = cast(Any, self)
        if layer.weight_function or layer.bias_function:
            return False
        if not layer.comfy_cast_weights:
            return True
        stored = [p for p in (layer.weight, layer.bias) if p is not None]
        return all(p.device == x.device and p.dtype == x.dtype for p in stored)

    def parameters_for(self, x: Tensor) -> AbstractContextManager[tuple[Tensor, Tensor]]:
        """Weight and bias on the device of ``x`` and in its dtype, while the context lasts."""
        layer = cast(Any, self)
        if self.holds_parameters(x):
            return nullcontext((layer.weight, layer.bias))
        if not _LENDS_PARAMETERS:
            return nullcontext(cast(Any, comfy.ops.cast_bias_weight(layer, x)))
        return _lent_parameters(layer, x)


@contextmanager
def _lent_parameters(layer: Any, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Parameters in a buffer that the host reuses for another layer after they are returned."""
    weight, bias, loan = cast(Any, comfy.ops.cast_bias_weight)(layer, x, offloadable=True)
    try:
        yield weight, bias
    finally:
        comfy.ops.uncast_bias_weight(layer, weight, bias, loan)


class HostOperations(TorchOperations):
    """Layers that know ComfyUI's weight casting, partial loading and patches."""

    def __init__(self, layers: Any) -> None:
        class Linear(layers.Linear):
            """A linear layer whose weights have their places before they are loaded.

            With dynamic memory the host leaves them out until then, and a network could not list
            its missing tensors.
            """

            def __init__(
                self,
                in_features: int,
                out_features: int,
                bias: bool = True,
                device: Any = None,
                dtype: Any = None,
            ) -> None:
                super().__init__(in_features, out_features, bias, device, dtype)
                shapes = {"weight": (out_features, in_features), "bias": (out_features,)}
                for name, shape in shapes.items():
                    if getattr(self, name) is None and (bias or name == "weight"):
                        empty = torch.empty(shape, device=device, dtype=dtype)
                        setattr(self, name, nn.Parameter(empty, requires_grad=False))

        self.Linear = Linear
        for name, kind in layer_classes(layers, HostParameters).items():
            setattr(self, name, kind)

    def attention(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        options: Options = None,
    ) -> Tensor:
        """Attend with whatever backend the user has chosen in ComfyUI.

        On the CPU ComfyUI's own choice splits the score matrix by the free memory and fills it;
        torch's fused kernel needs none of it and is quicker. Among few tokens ours is.
        """
        is_replaced = bool(options) and "optimized_attention_override" in options
        is_large = q.shape[-1] // heads > LARGEST_HEAD
        is_ours = q.device.type == "cpu" or attends_briefly(q, k, v, heads)
        if is_large or (is_ours and not is_replaced):
            return super().attention(q, k, v, heads)
        if _TAKES_OPTIONS and options:
            return optimized_attention(q, k, v, heads, transformer_options=options)
        return optimized_attention(q, k, v, heads)
