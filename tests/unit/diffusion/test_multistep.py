"""DPM-Solver++ (2M) against DDIM on the same path."""

import pytest
import torch
from torch import Tensor

from support.networks import deviation, normal
from tooncrafter_core.config.model import DiffusionConfig
from tooncrafter_core.diffusion.multistep import multistep_steps, sample_dpmpp_2m
from tooncrafter_core.diffusion.samplers import SamplingProgress, sample_ddim
from tooncrafter_core.diffusion.schedule import ddim_steps, make_schedule

SCHEDULE = make_schedule(DiffusionConfig())
TARGET = normal(1, 4, 2, 2, 2, seed=1)
START = normal(1, 4, 2, 2, 2, seed=2)


def spread(z: Tensor, timestep: int) -> Tensor:
    """The best prediction for clean latents that lie about the target with a spread of 0.5."""
    alpha, scale = SCHEDULE.alphas_cumprod[timestep], SCHEDULE.scales[timestep]
    signal, noise = alpha.sqrt() * scale, (1 - alpha).sqrt()
    share = signal * 0.25 / (signal**2 * 0.25 + noise**2)
    clean = TARGET + share * (z - signal * TARGET)
    return (alpha.sqrt() * z - scale * clean) / noise


def solved(steps: int) -> Tensor:
    return sample_dpmpp_2m(spread, START, multistep_steps(SCHEDULE, steps))


def by_ddim(steps: int) -> Tensor:
    return sample_ddim(spread, START, ddim_steps(SCHEDULE, steps, eta=0), torch.zeros_like)


def exact() -> Tensor:
    """Where the path of ``spread`` leads: the start's place in the target's spread."""
    return TARGET + 0.5 * START


def test_it_is_nearer_the_path_than_ddim_with_as_many_steps() -> None:
    for steps in (12, 25, 50):
        assert deviation(solved(steps), exact()) < deviation(by_ddim(steps), exact()) / 3
    # Half as many steps, and still nearer than the published number of DDIM.
    assert deviation(solved(25), exact()) < deviation(by_ddim(50), exact()) / 3


def test_the_error_falls_with_the_steps() -> None:
    errors = [deviation(solved(steps), exact()) for steps in (6, 12, 25)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01


def test_every_step_count_is_finite_and_exact() -> None:
    for steps in (*range(1, 70), 103, 999, 1000):
        walk = multistep_steps(SCHEDULE, steps)
        timesteps = [step.timestep for step in walk]
        assert timesteps == sorted(set(timesteps), reverse=True) and len(walk) == steps
        assert timesteps[0] == 999 and timesteps[-1] == (0 if steps > 1 else 999)
        assert torch.isfinite(sample_dpmpp_2m(spread, START, walk)).all(), steps


@pytest.mark.parametrize("steps", [0, 1001])
def test_a_number_of_steps_that_cannot_be_taken_is_reported(steps: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 1000 steps, got {steps}"):
        multistep_steps(SCHEDULE, steps)


def test_progress_is_reported_with_clean_estimates() -> None:
    reported: list[SamplingProgress] = []
    out = sample_dpmpp_2m(spread, START, multistep_steps(SCHEDULE, 3), reported.append)
    assert [(progress.step, progress.total) for progress in reported] == [(1, 3), (2, 3), (3, 3)]
    assert torch.equal(reported[-1].clean, out) and torch.equal(reported[-1].latents, out)
