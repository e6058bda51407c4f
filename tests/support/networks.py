"""Small networks with made-up weights."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from tooncrafter_core.checkpoints.made_up import made_up_tensor

Network = TypeVar("Network", bound=nn.Module)


def filled(network: Network, tag: str = "unit") -> Network:
    """The network with made-up weights, frozen, whatever device it was built on."""
    tensors = {
        key: made_up_tensor(tag, key, tuple(value.shape))
        for key, value in network.state_dict().items()
    }
    network.load_state_dict(tensors, assign=True)
    return network.eval().requires_grad_(False)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers, the same for the same seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def deviation(actual: Tensor, expected: Tensor) -> float:
    """Largest difference relative to the expected values' standard deviation."""
    assert actual.shape == expected.shape
    return float((actual - expected).abs().max() / expected.std())
