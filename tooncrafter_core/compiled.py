"""The denoiser through torch.compile: the same mathematics in fewer kernels."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .models.attention import SpatialTransformer, TemporalTransformer
from .models.layers import ResBlock

BACKEND: str | Callable[..., Any] = "inductor"

LAYERS = ResBlock, SpatialTransformer, TemporalTransformer
"""What is compiled by itself: nearly all of the work, in few kinds that return at every level."""

MOST_GRAPHS = 64
"""Of one kind of layer: there are twelve pairs of channel counts among the residual blocks."""


def compile_denoiser(denoiser: nn.Module) -> nn.Module:
    """Let the denoiser's layers be compiled at their first call, which takes a minute; returns it.

    Layers of the same sizes share their code, so this is many times quicker than compiling the
    network as a whole. Shapes are dynamic: another step, frame count or size compiles little again.
    """
    config: Any = torch._dynamo.config
    limit = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"
    setattr(config, limit, max(getattr(config, limit), MOST_GRAPHS))
    for layer in denoiser.modules():
        if isinstance(layer, LAYERS):
            layer.compile(dynamic=True, backend=BACKEND)
    return denoiser
