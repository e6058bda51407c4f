"""Small networks with made-up weights."""

from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from tooncrafter_core.checkpoints.synthetic import made_up_tensor
from tooncrafter_core.models.motion.keyframe_matching import KeyframeMatching

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


@torch.no_grad()
def by_likeness_alone(matching: KeyframeMatching) -> KeyframeMatching:
    """The same, made to compare nothing but bare latents, and to be sure of it."""
    matching.init_weights(torch.Generator().manual_seed(3))
    matching.plain.weight.normal_(std=0.1, generator=torch.Generator().manual_seed(4))
    torch.nn.init.zeros_(cast(Tensor, matching.plain.bias))
    matching.describe.weight.zero_()
    matching.weights[0] = 5.0
    return matching
