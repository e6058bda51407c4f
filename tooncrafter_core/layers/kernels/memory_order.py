"""Frames as rows of channels, and the weights that suit them.

Legend: n samples (frames, or whole clips), s rows (pixels, or pixels of all frames), c channels.
"""

import math
from functools import cache
from types import ModuleType

import torch
from torch import Tensor, nn

from .availability import likes_channels_last


@cache
def launch() -> ModuleType:
    """The kernels; read only where they are used, since Triton is not everywhere."""
    from . import calls as module

    return module


def channels_last(x: Tensor) -> tuple[Tensor, tuple[int, int, int]]:
    """Put the channels of a pixel of n c h w, or n c t h w, side by side; and its sizes as n s c.

    It is ``x`` itself where they lie so already.
    """
    order = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
    samples, channels = x.shape[:2]
    return x.contiguous(memory_format=order), (samples, math.prod(x.shape[2:]), channels)


@torch.no_grad()
def arrange_weights(network: nn.Module) -> None:
    """Store convolutions' kernels with channels side by side, on devices that like frames so.

    Values and shapes stay. Without it such a device turns every kernel round in every call.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d) and likes_channels_last(layer.weight):
            is_flat = isinstance(layer, nn.Conv2d)
            order = torch.channels_last if is_flat else torch.channels_last_3d
            layer.weight.data = layer.weight.data.contiguous(memory_format=order)
