"""The denoiser through torch.compile: the same mathematics in fewer kernels."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..layers.kernels.availability import likes_channels_last
from ..models.residual import ResBlock
from ..models.transformers import SpatialTransformer, TemporalTransformer

logger = logging.getLogger(__name__)

BACKEND: str | Callable[..., Any] = "inductor"

LAYERS = ResBlock, SpatialTransformer, TemporalTransformer
"""What is compiled on its own: nearly all of the work, in few kinds that return at every level."""

MOST_GRAPHS = 64
"""Compiled variants of one kind of layer: the residual blocks have twelve pairs of channels."""


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


def warn_where_it_loses(device: torch.device, dtype: torch.dtype) -> None:
    """Say so where the fused kernels serve: they are quicker than what is compiled.

    On an H100 a step takes 71 ms with them and 97 ms compiled (benchmarks/README.md).
    """
    if likes_channels_last(torch.empty(0, device=device, dtype=dtype)):
        logger.warning(
            "This card has the fused kernels, which are quicker than what torch.compile makes and "
            "need no minutes at the first step. Leave --compile out for the quickest clip."
        )
