"""A step of the published model fits a card of 80 GB, counted without computing it."""

from collections.abc import Callable

import pytest

from benchmarks.training import ALL as ALL_LAYERS
from benchmarks.training import CARD, count_step, decoder, denoising
from tooncrafter_core.training.stage import Stage


@pytest.mark.parametrize(
    "build", [lambda: denoising(*ALL_LAYERS), lambda: decoder(lpips=0.0)], ids=["base", "decoder"]
)
def test_a_step_fits_80_gb_with_activations_computed_again(build: Callable[[], Stage]) -> None:
    found = count_step("", build(), checkpointed=True)
    assert found.gradients < found.peak < CARD / 2
    assert found.optimizer == 2 * found.gradients
