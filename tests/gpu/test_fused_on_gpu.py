"""The fused kernels on the card they are for, by themselves and in the networks."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from support.fused import wrong_cases
from support.networks import filled, normal
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.layers.kernels.availability import (
    OLDEST_CARD,
    can_fuse,
    why_not,
    without_fused_kernels,
    works_on,
)
from tooncrafter_core.layers.kernels.memory_order import arrange_weights
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from
from tooncrafter_core.models.denoiser import Denoiser

pytestmark = pytest.mark.gpu

SAME = 2e-5
"""Of networks in float32, relative to the spread of their values; chunks may differ by as much."""


def test_the_kernels_work_here(device: torch.device) -> None:
    for dtype in OLDEST_CARD:
        assert not why_not(device, dtype)
        assert works_on(torch.cuda.current_device(), dtype)
    assert can_fuse(torch.zeros(1, device=device))
    with without_fused_kernels():
        assert not can_fuse(torch.zeros(1, device=device))


def test_kernels_give_what_torch_gives(device: torch.device) -> None:
    from tooncrafter_core.layers.kernels import calls as launch

    # From the second call on they are launched in another way.
    number, wrong = wrong_cases(launch, device, calls=2)
    assert number > 50 and not wrong, "\n".join(wrong)


def both(compute: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
    """With the kernels, and without."""
    found = compute()
    with without_fused_kernels():
        return found, compute()


def spread(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.std())


def test_the_denoiser_predicts_what_it_predicts_without(device: torch.device) -> None:
    network = filled(Denoiser(TINY.unet, device="meta")).to(device)
    arrange_weights(network)
    x, text = normal(2, 8, 5, 8, 16).to(device), normal(2, 7, 64).to(device)
    tokens, steps = normal(2, 5, 16, 64).to(device), torch.tensor([900, 20], device=device)
    found, expected = both(lambda: network(x, steps, text, tokens))
    assert spread(found, expected) < SAME


@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_the_autoencoder_draws_what_it_draws_without(device: torch.device, chunk: int) -> None:
    network = filled(Autoencoder(TINY.autoencoder, device="meta")).to(device)
    arrange_weights(network)
    images, latents = normal(2, 3, 64, 128).to(device), normal(1, 4, 7, 8, 16).to(device)

    def draw() -> Tensor:
        posterior = network.encode(images)
        return network.decode(latents, references_from(posterior.features), chunk)

    assert spread(*both(draw)) < SAME
