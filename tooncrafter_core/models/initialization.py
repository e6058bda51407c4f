"""Weights to begin training from, when there are none: the common part of ``init_weights``.

Every layer keeps the size of what goes through it, and what a residual branch adds begins at zero,
so a new network is as good as a shallow one and becomes deep as it learns.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

_PROJECTIONS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.GroupNorm, nn.LayerNorm)


@runtime_checkable
class ResidualBranch(Protocol):
    """A layer that adds something to what it is given."""

    def last_of_branch(self) -> Iterable[nn.Module]:
        """What computes the sum's second term last: zero when training begins."""
        ...


@torch.no_grad()
def init_layers(network: nn.Module, generator: torch.Generator) -> None:
    """Fill every convolution, linear layer and norm inside a network.

    Weights are normal with a variance of one by the number of inputs, biases zero, norms the
    identity, and residual branches add nothing. The numbers are drawn on the CPU, in the order of
    the layers.
    """
    for layer in network.modules():
        if isinstance(layer, _PROJECTIONS):
            draw_normal(layer.weight, layer.weight[0].numel() ** -0.5, generator)
        elif isinstance(layer, _NORMS):
            layer.weight.fill_(1.0)
        else:
            continue
        if layer.bias is not None:
            layer.bias.zero_()
    for layer in network.modules():
        if isinstance(layer, ResidualBranch):
            zero(*layer.last_of_branch())


@torch.no_grad()
def draw_normal(weight: Tensor, std: float, generator: torch.Generator) -> None:
    """Fill a weight with normal numbers of the CPU ``generator``, whatever its device."""
    weight.copy_(torch.randn(weight.shape, generator=generator) * std)


@torch.no_grad()
def zero(*layers: nn.Module) -> None:
    """Begin with layers that give zeros; they learn from the first step on."""
    for layer in layers:
        for weight in layer.parameters():
            weight.zero_()
