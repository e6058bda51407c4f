"""The denoiser through torch.compile: the same mathematics in fewer kernels."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

BACKEND: str | Callable[..., Any] = "inductor"


def compile_denoiser(denoiser: nn.Module) -> nn.Module:
    """The denoiser, compiled at its first call, which takes minutes.

    Shapes are dynamic: another step, frame count or size does not compile it again. It shares the
    weights of ``denoiser``.
    """
    return cast(nn.Module, torch.compile(denoiser, dynamic=True, backend=BACKEND))
