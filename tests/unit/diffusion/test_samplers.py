"""DDIM is finite for every step count, and agrees with a float64 run written out here."""

import numpy as np
import pytest
import torch
from torch import Tensor

from support.networks import deviation, normal
from tooncrafter_core.config.model import DiffusionConfig
from tooncrafter_core.diffusion.samplers import Denoise, SamplingProgress, sample_ddim
from tooncrafter_core.diffusion.schedule import SPACINGS, Spacing, ddim_steps, make_schedule

SCHEDULE = make_schedule(DiffusionConfig())
TARGET = normal(1, 4, 2, 2, 2, seed=1)
START = normal(1, 4, 2, 2, 2, seed=2)


def toward(target: Tensor) -> Denoise:
    """A denoiser that knows the clean latents and is right about them at every timestep."""

    def denoise(z: Tensor, timestep: int) -> Tensor:
        alpha, scale = SCHEDULE.alphas_cumprod[timestep], SCHEDULE.scales[timestep]
        return (alpha.sqrt() * z - scale * target) / (1 - alpha).sqrt()

    return denoise


def unsure(z: Tensor, timestep: int) -> Tensor:
    """A smooth denoiser that is never quite right."""
    return 0.6 * torch.tanh(z) - 0.4 * TARGET + timestep / 5000


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_step_count_is_finite(spacing: Spacing, eta: float) -> None:
    fresh = normal(1, 4, 2, 2, 2, seed=3)
    for steps in range(1, 201):
        walk = ddim_steps(SCHEDULE, steps, eta=eta, spacing=spacing)
        out = sample_ddim(unsure, START, walk, lambda _: fresh)
        assert torch.isfinite(out).all(), steps


@pytest.mark.parametrize("spacing", SPACINGS)
def test_walk_ends_at_the_clean_latents(spacing: Spacing) -> None:
    # The last step lands on timestep 0's alpha, scaled as the last timestep is (SPEC section 9).
    walk = ddim_steps(SCHEDULE, 50, eta=0.0, spacing=spacing)
    out = sample_ddim(toward(TARGET), START, walk, torch.zeros_like)
    scale = float(SCHEDULE.scales[walk[-1].timestep])
    residue = out - walk[-1].previous_alpha ** 0.5 * scale * TARGET
    assert residue.abs().max() < 0.05 * START.abs().max()


def float64_run(steps: int, noises: list[Tensor]) -> np.ndarray:
    """Trailing DDIM with eta 1 in float64, from the formulas of SPEC sections 8 and 9 alone."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    roots = np.sqrt(np.cumprod(1 - betas))
    bars = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
    scales = np.concatenate([np.linspace(1.0, 0.7, 400), np.full(600, 0.7)])
    times = [round(1000 - i * 1000 / steps) - 1 for i in range(steps)]
    x, target = START.double().numpy(), TARGET.double().numpy()
    for i, time in enumerate(times):
        bar, scale = bars[time], scales[time]
        after = bars[times[i + 1]] if i + 1 < steps else bars[0]
        scale_after = scales[times[i + 1]] if i + 1 < steps else scale
        v = 0.6 * np.tanh(x) - 0.4 * target + time / 5000
        eps = np.sqrt(bar) * v + np.sqrt(1 - bar) * x
        clean = (np.sqrt(bar) * x - np.sqrt(1 - bar) * v) * scale_after / scale
        variance = (1 - after) / (1 - bar) * (1 - bar / after)
        direction = np.sqrt(max(1 - after - variance, 0.0))
        fresh = noises[i].double().numpy()
        x = np.sqrt(after) * clean + direction * eps + np.sqrt(variance) * fresh
    return x


@pytest.mark.parametrize("steps", [20, 25, 50])
def test_walk_agrees_with_a_float64_run(steps: int) -> None:
    noises = [normal(1, 4, 2, 2, 2, seed=100 + i) for i in range(steps)]
    remaining = iter(noises)
    out = sample_ddim(unsure, START, ddim_steps(SCHEDULE, steps), lambda _: next(remaining))
    assert deviation(out.double(), torch.from_numpy(float64_run(steps, noises))) < 1e-5


def test_progress_is_reported_after_every_step() -> None:
    reported: list[SamplingProgress] = []
    out = sample_ddim(
        toward(TARGET), START, ddim_steps(SCHEDULE, 4), torch.zeros_like, reported.append
    )
    assert [(progress.step, progress.total) for progress in reported] == [
        (n, 4) for n in (1, 2, 3, 4)
    ]
    assert torch.equal(reported[-1].latents, out)
    assert deviation(reported[-1].clean, float(SCHEDULE.scales[249]) * TARGET) < 1e-4


def test_noise_is_drawn_every_step_even_when_it_has_no_weight() -> None:
    drawn = []

    def draw(like: Tensor) -> Tensor:
        drawn.append(like)
        return torch.zeros_like(like)

    sample_ddim(toward(TARGET), START, ddim_steps(SCHEDULE, 7, eta=0.0), draw)
    assert len(drawn) == 7


def test_a_callback_may_stop_the_walk() -> None:
    class StoppedError(Exception):
        pass

    def stop(progress: SamplingProgress) -> None:
        if progress.step == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        sample_ddim(toward(TARGET), START, ddim_steps(SCHEDULE, 9), torch.zeros_like, stop)


def test_the_start_is_left_as_it_came() -> None:
    before = START.clone()
    sample_ddim(toward(TARGET), START, ddim_steps(SCHEDULE, 3), torch.zeros_like)
    assert torch.equal(START, before)
