"""The schedule reaches exactly zero, and every step count walks it exactly."""

import math

import pytest
import torch

from tooncrafter_core.config.model import DiffusionConfig
from tooncrafter_core.diffusion.schedule import (
    SPACINGS,
    Spacing,
    ddim_steps,
    make_schedule,
    schedule_buffers,
    select_timesteps,
    step_between,
)

SCHEDULE = make_schedule(DiffusionConfig())

STEPS_THE_REFERENCE_FAILS_AT = (7, 11, 14, 15, 20, 25, 33, 34, 35, 37, 38, 39, 62, 63, 64)
"""Its radicand is rounded below zero there (SPEC section 9)."""


def test_schedule_ends_in_pure_noise_and_begins_almost_clean() -> None:
    alphas = SCHEDULE.alphas_cumprod
    assert alphas[-1] == 0
    assert alphas[0] == pytest.approx(0.99915, abs=1e-6)
    assert alphas[-2] == pytest.approx(1.968e-7, rel=1e-3)
    assert (alphas.diff() < 0).all()
    assert alphas.dtype == SCHEDULE.scales.dtype == torch.float32


def test_rescale_falls_over_the_first_400_timesteps() -> None:
    scales = SCHEDULE.scales
    assert scales[0] == 1
    assert scales[399] == pytest.approx(0.7)
    assert (scales[399:] == scales[-1]).all()
    assert len(scales) == SCHEDULE.num_timesteps == 1000


def test_relative_noise_rises_strictly_and_is_finite() -> None:
    sigmas = SCHEDULE.sigmas()
    assert torch.isfinite(sigmas).all() and (sigmas.diff() > 0).all()


def test_stored_buffers_have_the_reference_quirks() -> None:
    buffers = schedule_buffers(DiffusionConfig())
    assert len(buffers) == 13
    assert len(buffers["scale_arr"]) == 1400
    assert buffers["sqrt_recip_alphas_cumprod"].count_nonzero() == 0
    assert buffers["betas"][-1] == 1


@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_step_count_gives_exactly_that_many_timesteps(spacing: Spacing) -> None:
    for steps in range(1, 1001):
        timesteps = select_timesteps(1000, steps, spacing)
        assert len(timesteps) == steps, steps
        assert timesteps == sorted(set(timesteps)), steps
        assert timesteps[0] >= 0 and timesteps[-1] < 1000, steps


def test_trailing_walks_start_from_pure_noise() -> None:
    assert all(select_timesteps(1000, steps)[-1] == 999 for steps in range(1, 1001))
    assert select_timesteps(1000, 5) == [199, 399, 599, 799, 999]


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_impossible_step_counts_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000 steps"):
        select_timesteps(1000, steps)


def test_unknown_spacing_and_eta_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="trailing, uniform"):
        select_timesteps(1000, 5, "karras")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="between 0 and 1"):
        ddim_steps(SCHEDULE, 5, eta=1.5)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_weights_of_every_step_count_are_finite(spacing: Spacing, eta: float) -> None:
    for steps in range(1, 201):
        for step in ddim_steps(SCHEDULE, steps, eta=eta, spacing=spacing):
            numbers = (step.sigma, step.noise_weight, step.rescale, step.previous_alpha)
            assert all(math.isfinite(number) and number >= 0 for number in numbers), step


@pytest.mark.parametrize("steps", STEPS_THE_REFERENCE_FAILS_AT)
def test_first_step_has_no_negative_radicand_where_the_reference_has(steps: int) -> None:
    first = ddim_steps(SCHEDULE, steps)[0]
    assert first.alpha == 0
    assert first.noise_weight == pytest.approx(0, abs=1e-6)


def test_last_step_lands_on_the_first_alpha_and_not_on_one() -> None:
    last = ddim_steps(SCHEDULE, 50)[-1]
    assert last.previous_alpha == float(SCHEDULE.alphas_cumprod[0])
    assert last.rescale == 1


def test_eta_zero_adds_no_noise_and_eta_scales_it() -> None:
    half, whole = (ddim_steps(SCHEDULE, 10, eta=eta) for eta in (0.5, 1.0))
    assert all(step.sigma == 0 for step in ddim_steps(SCHEDULE, 10, eta=0.0))
    assert all(a.sigma == b.sigma / 2 for a, b in zip(half, whole, strict=True))


def test_a_step_that_stays_adds_no_noise() -> None:
    assert step_between(SCHEDULE, 500, 500, eta=1.0).sigma == 0
