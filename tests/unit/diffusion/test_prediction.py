"""The v-prediction and its readings belong together."""

import pytest
import torch

from support.networks import normal
from tooncrafter_core.diffusion.prediction import (
    predicted_clean,
    predicted_noise,
    v_from_clean,
    v_target,
)

CLEAN, NOISE = normal(2, 3, 4, seed=1), normal(2, 3, 4, seed=2)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.99915])
def test_the_training_target_reads_as_noise_and_clean_latents(alpha: float) -> None:
    z = alpha**0.5 * CLEAN + (1 - alpha) ** 0.5 * NOISE
    v = v_target(CLEAN, NOISE, alpha)
    torch.testing.assert_close(predicted_noise(z, v, alpha), NOISE)
    torch.testing.assert_close(predicted_clean(z, v, alpha), CLEAN)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9])
def test_v_comes_back_from_the_clean_latents(alpha: float) -> None:
    z, v = normal(2, 3, seed=3), normal(2, 3, seed=4)
    torch.testing.assert_close(v_from_clean(z, predicted_clean(z, v, alpha), alpha), v)


def test_alpha_may_differ_by_row() -> None:
    alpha = torch.tensor([0.2, 0.8])[:, None, None]
    rows = predicted_clean(CLEAN, NOISE, alpha)
    torch.testing.assert_close(rows[1], predicted_clean(CLEAN[1], NOISE[1], 0.8))
