"""Our DDIM on a tiny model: against float64, against Euler, and in parts."""

import itertools
from collections.abc import Callable
from typing import Any

import comfy.conds
import comfy.sample
import comfy.samplers
import numpy as np
import pytest
import torch
from tooncrafter_pack.nodes.bridge import sampler as sampler_module
from torch import Tensor

from support.host_models import HostModels, relative, run_sampler
from support.host_sampling import LATENT_SCALE, Ready, sample_by_parts, sigmas_of
from tooncrafter_core.diffusion.noise import NoiseStream
from tooncrafter_core.diffusion.samplers import ddim_step

# DDIM against an independent computation in float64


def toy_velocity(z: Tensor, timestep: float, tokens: Tensor) -> Tensor:
    """A smooth function of all inputs of the denoiser, in its place."""
    reported = tokens.double().mean() * 5
    return 0.7 * torch.sin(1.3 * z + reported) - 0.4 * z.roll(1, dims=2) * (timestep / 1000)


def toy_denoiser(
    x: Tensor, timesteps: Tensor, context: Tensor, control: Any, options: Any, **reported: Any
) -> Tensor:
    """`toy_velocity` with the denoiser's interface, each row alone."""
    rows = zip(x[:, :4].double(), timesteps, reported["image_context"], strict=True)
    return torch.cat([toy_velocity(z[None], float(t), tokens).float() for z, t, tokens in rows])


class Reference:
    """SPEC sections 8 and 9 once more, in float64 and by other means."""

    def __init__(self) -> None:
        betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
        root = np.sqrt(np.cumprod(1 - betas))
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
        self.alphas = root**2
        self.scales = np.concatenate([np.linspace(1.0, 0.7, 400), np.full(600, 0.7)])

    def sample(
        self,
        velocity: Callable[[Tensor, int], Tensor],
        shape: Any,
        seed: int,
        steps: int,
        eta: float,
    ) -> Tensor:
        batch, channels, frames, height, width = shape
        generator = torch.Generator().manual_seed(seed)
        torch.randn(batch * frames, channels, height, width, generator=generator)
        x = torch.randn(*shape, generator=generator).double()
        levels = [round(1000 - i * 1000 / steps) - 1 for i in range(steps)]
        for i, t in enumerate(levels):
            is_last = i == steps - 1
            a, s = self.alphas[t], self.scales[t]
            a_next = self.alphas[0 if is_last else levels[i + 1]]
            s_next = s if is_last else self.scales[levels[i + 1]]
            sigma = eta * np.sqrt((1 - a_next) / (1 - a) * (1 - a / a_next))
            v = velocity(x, t)
            eps = np.sqrt(a) * v + np.sqrt(1 - a) * x
            clean = (np.sqrt(a) * x - np.sqrt(1 - a) * v) * s_next / s
            noise = torch.randn(*shape, generator=generator).double()
            direction = np.sqrt(max(1 - a_next - sigma**2, 0))
            x = np.sqrt(a_next) * clean + direction * eps + sigma * noise
        return x


@pytest.mark.parametrize("steps", [20, 25])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("cfg", "rescale"), [(1.0, 0.0), (7.5, 0.7)])
def test_sampler_node_agrees_with_an_independent_ddim_in_float64(
    tiny: HostModels, ready: Ready, monkeypatch: pytest.MonkeyPatch,
    steps: int, eta: float, cfg: float, rescale: float,
) -> None:  # fmt: skip
    monkeypatch.setattr(tiny.model.model.diffusion_model, "_predict", toy_denoiser)
    positive, negative, latent = ready
    seen = [tokens_of(tiny.model, ready, cond) for cond in (positive, negative)]

    def velocity(z: Tensor, timestep: int) -> Tensor:
        cond, uncond = (toy_velocity(z, timestep, tokens) for tokens in seen)
        if cfg == 1:
            return cond
        v = uncond + cfg * (cond - uncond)
        return rescale * v * cond.std() / v.std() + (1 - rescale) * v

    expected = Reference().sample(velocity, latent["samples"].shape, 77, steps, eta)
    out = run_sampler(
        tiny.model, *ready, seed=77, steps=steps, cfg=cfg, eta=eta, guidance_rescale=rescale
    )
    assert relative(out["samples"] * LATENT_SCALE, expected) < 1e-4


def tokens_of(model: Any, ready: Ready, conditioning: Any) -> Tensor:
    """The image tokens that the denoiser is handed for a CONDITIONING."""
    ((text, values),) = conditioning
    noise = torch.zeros_like(ready[2]["samples"])
    conds = model.model.extra_conds(noise=noise, device=noise.device, cross_attn=text, **values)
    return conds["image_context"].cond


def test_our_sampler_and_euler_tend_to_the_same_clip(
    tiny: HostModels, ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without fresh noise both follow the same path, the finer the steps the closer."""
    monkeypatch.setattr(tiny.model.model.diffusion_model, "_predict", toy_denoiser)
    positive, negative, latent = ready
    noise = NoiseStream(123, latent["samples"].shape).start()
    euler, deviations = comfy.samplers.sampler_object("euler"), []
    for steps in (20, 80, 320):
        sigmas = sigmas_of(tiny.model, steps)
        ours = sample_by_parts(tiny.model, ready, sigmas, noise=noise, cfg=1, eta=0)
        theirs = comfy.sample.sample_custom(
            tiny.model, noise, 1.0, euler, sigmas, positive, negative, latent["samples"],
            disable_pbar=True, seed=0,
        )  # fmt: skip
        deviations.append(relative(ours, theirs))
    assert deviations == sorted(deviations, reverse=True)
    assert deviations[-1] < 0.04  # DDIM ends one level above clean


def test_start_from_a_clip_is_noised_as_in_training(tiny: HostModels, ready: Ready) -> None:
    sampling = tiny.model.get_model_object("model_sampling")
    start = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    noise = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    sigmas = sigmas_of(tiny.model, 10)[5:]
    seen: list[Tensor] = []
    sample_by_parts(
        tiny.model, ready, sigmas, noise=noise, start=start,
        callback=lambda _step, _clean, x, _total: seen.append(x),
    )  # fmt: skip
    t = 499
    reference = Reference()
    a, s = reference.alphas[t], reference.scales[t]
    expected = a**0.5 * s * start * LATENT_SCALE + (1 - a) ** 0.5 * noise
    assert relative(sampling.to_network(sigmas[:1], seen[0]), expected) < 1e-4


def test_two_halves_of_the_sigmas_give_what_one_run_gives(tiny: HostModels, ready: Ready) -> None:
    sigmas = sigmas_of(tiny.model, 6)
    whole = sample_by_parts(tiny.model, ready, sigmas, cfg=1, eta=0)
    half = sample_by_parts(tiny.model, ready, sigmas[:4], cfg=1, eta=0)
    rest, no_noise = sigmas[3:], torch.zeros_like(half)
    both = sample_by_parts(tiny.model, ready, rest, cfg=1, eta=0, noise=no_noise, start=half)
    assert relative(both, whole) < 1e-4


def test_parts_of_a_run_with_one_seed_have_step_noise_of_their_own(
    tiny: HostModels, ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Tensor] = []

    def watched(z: Tensor, v: Tensor, step: Any, noise: Tensor) -> Any:
        drawn.append(noise)
        return ddim_step(z, v, step, noise)

    monkeypatch.setattr(sampler_module, "ddim_step", watched)
    sigmas, nothing = sigmas_of(tiny.model, 6), torch.zeros_like(ready[2]["samples"])
    clip = sample_by_parts(tiny.model, ready, sigmas[:3], cfg=1)
    for part in (sigmas[2:5], sigmas[4:]):
        clip = sample_by_parts(tiny.model, ready, part, cfg=1, noise=nothing, start=clip)
    assert len(drawn) == 6
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(drawn, 2))
    stream = NoiseStream(123, nothing.shape)
    stream.start()
    assert all(torch.equal(stream.step(nothing), noise) for noise in drawn[:2])


@pytest.mark.parametrize("spacing", ["trailing", "uniform"])
@pytest.mark.parametrize("steps", [1, 3, 61, 103, 1000])
def test_sigmas_have_the_asked_number_of_steps(tiny: HostModels, steps: int, spacing: str) -> None:
    sigmas = sigmas_of(tiny.model, steps, spacing)
    assert sigmas.shape == (steps + 1,)
    assert (sigmas.diff() < 0).all()
    assert sigmas[-1] == 0
