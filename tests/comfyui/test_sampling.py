"""ComfyUI's samplers and ours on a tiny model with made-up weights, in the test process."""

import itertools
from collections.abc import Callable
from typing import Any

import comfy.conds
import comfy.sample
import numpy as np
import pytest
import torch
from tooncrafter_pack.nodes.bridge import sampler as sampler_module
from tooncrafter_pack.nodes.bridge.denoiser import HostDenoiser
from tooncrafter_pack.nodes.sampling import (
    ToonCrafterDDIM,
    ToonCrafterGuidanceRescale,
    ToonCrafterSigmas,
)
from torch import Tensor

import nodes as host_nodes
from support.host_models import HostModels, relative, run_decode, run_keyframes, run_sampler
from tooncrafter_core.diffusion.guidance import rescale_guidance
from tooncrafter_core.diffusion.noise import NoiseStream
from tooncrafter_core.diffusion.samplers import ddim_step

Ready = tuple[Any, Any, dict[str, Any]]

SCHEDULERS = ["simple", "normal", "karras", "exponential", "sgm_uniform", "ddim_uniform", "beta"]
LATENT_SCALE = 0.18215


def sample_by_parts(
    model: Any,
    ready: Ready,
    sigmas: Tensor,
    *,
    noise: Tensor | None = None,
    start: Tensor | None = None,
    cfg: float = 7.5,
    eta: float = 1.0,
    seed: int = 123,
    callback: Any = None,
    mask: Tensor | None = None,
) -> Tensor:
    """What SamplerCustom does with our SAMPLER."""
    positive, negative, latent = ready
    start = latent["samples"] if start is None else start
    noise = NoiseStream(seed, start.shape).start() if noise is None else noise
    return comfy.sample.sample_custom(
        model, noise, cfg, ToonCrafterDDIM.execute(eta).args[0], sigmas, positive, negative, start,
        noise_mask=mask, callback=callback, disable_pbar=True, seed=seed,
    )  # fmt: skip


def sigmas_of(model: Any, steps: int, spacing: str = "trailing") -> Tensor:
    return ToonCrafterSigmas.execute(model, steps, spacing).args[0]


# ComfyUI's own samplers


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("sampler", ["ddim", "euler", "dpmpp_2m", "uni_pc"])
def test_stock_ksampler_draws_a_finite_clip(
    tiny: HostModels, ready: Ready, sampler: str, scheduler: str
) -> None:
    (out,) = host_nodes.common_ksampler(tiny.model, 5, 3, 2.0, sampler, scheduler, *ready)
    assert out["samples"].shape == ready[2]["samples"].shape
    assert torch.isfinite(out["samples"]).all()
    assert 0.1 < out["samples"].std() * LATENT_SCALE < 10


# DDIM against an independent computation in float64


def toy_velocity(z: Tensor, timestep: float, tokens: Tensor) -> Tensor:
    """A smooth function of everything the denoiser is told, in place of the denoiser."""
    told = tokens.double().mean() * 5
    return 0.7 * torch.sin(1.3 * z + told) - 0.4 * z.roll(1, dims=2) * (timestep / 1000)


def toy_denoiser(
    x: Tensor, timesteps: Tensor, context: Tensor, control: Any, options: Any, **told: Any
) -> Tensor:
    """`toy_velocity` with the denoiser's interface, each row by itself."""
    rows = zip(x[:, :4].double(), timesteps, told["image_context"], strict=True)
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


# Guidance


def test_guidance_rescale_is_the_core_formula_on_v(tiny: HostModels, ready: Ready) -> None:
    seen: list[dict[str, Any]] = []
    watched = tiny.model.clone()
    watched.set_model_sampler_post_cfg_function(lambda args: seen.append(args) or args["denoised"])
    patched = ToonCrafterGuidanceRescale.execute(watched, 0.7).args[0]
    results: list[Tensor] = []
    patched.set_model_sampler_post_cfg_function(
        lambda args: results.append(args["denoised"]) or args["denoised"]
    )
    sample_by_parts(patched, ready, sigmas_of(patched, 3))
    sampling = tiny.model.get_model_object("model_sampling")
    assert len(seen) == len(results) == 3
    for args, found in zip(seen, results, strict=True):
        x, sigma = args["input"], args["sigma"]
        guided, cond = (
            sampling.to_v(sigma, x, args[name]) for name in ("denoised", "cond_denoised")
        )
        expected = rescale_guidance(guided, cond, 0.7)
        assert relative(sampling.to_v(sigma, x, found), expected) < 1e-5


def test_guidance_rescale_of_zero_changes_nothing(tiny: HostModels, ready: Ready) -> None:
    with_node = run_sampler(tiny.model, *ready, guidance_rescale=0.0)
    without = sample_by_parts(tiny.model, ready, sigmas_of(tiny.model, 2))
    assert torch.equal(with_node["samples"], without)


@pytest.fixture
def batches(tiny: HostModels, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batch size of every forward pass."""
    sizes: list[int] = []

    def counted(self: HostDenoiser, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        sizes.append(x.shape[0])
        return predict(self, x, *args, **kwargs)

    predict = HostDenoiser._predict
    monkeypatch.setattr(HostDenoiser, "_predict", counted)
    return sizes


def test_without_guidance_each_step_is_one_forward_pass(
    tiny: HostModels, ready: Ready, batches: list[int]
) -> None:
    run_sampler(tiny.model, *ready, steps=3, cfg=1.0)
    assert batches == [1, 1, 1]
    batches.clear()
    run_sampler(tiny.model, *ready, steps=3, cfg=7.5)
    assert sum(batches) == 6


def test_long_prompt_against_a_short_negative_is_the_same_in_one_batch_as_apart(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    long_prompt = tiny.prompt("a girl walks through the rain " * 20)
    assert long_prompt[0][0].shape[1] == 2 * 77
    ready = run_keyframes(tiny, *keyframes, positive=long_prompt)
    together = run_sampler(tiny.model, *ready)["samples"]
    monkeypatch.setattr(comfy.conds.CONDCrossAttn, "can_concat", lambda self, other: False)
    apart = run_sampler(tiny.model, *ready)["samples"]
    assert relative(together, apart) < 2e-3


# Frames, batches, starts


@pytest.mark.parametrize("frames", [2, 8, 15, 16, 17, 24])
def test_any_number_of_frames_is_drawn_and_decoded(
    tiny: HostModels, keyframes: tuple[Tensor, Tensor], frames: int
) -> None:
    ready = run_keyframes(tiny, *keyframes, frames=frames)
    latent = run_sampler(tiny.model, *ready, steps=1)
    image = run_decode(tiny, latent, *keyframes)
    assert image.shape == (frames, 64, 64, 3)
    assert torch.isfinite(image).all()


def test_batch_of_two_clips_gives_what_each_gives_alone(
    tiny: HostModels, ready: Ready, keyframes: tuple[Tensor, Tensor]
) -> None:
    positive, negative, latent = ready
    two = torch.cat([latent["samples"]] * 2)
    noise = NoiseStream(9, two.shape).start()
    sigmas = sigmas_of(tiny.model, 2)
    both = sample_by_parts(tiny.model, (positive, negative, {"samples": two}), sigmas,
                           noise=noise, eta=0)  # fmt: skip
    for i in range(2):
        alone = sample_by_parts(tiny.model, ready, sigmas, noise=noise[i : i + 1], eta=0)
        # Guidance magnifies rounding; rows that saw each other would be far apart.
        assert relative(both[i : i + 1], alone) < 2e-3
    image = run_decode(tiny, {"samples": both}, *keyframes)
    assert image.shape == (8, 64, 64, 3)
    second = run_decode(tiny, {"samples": both[1:]}, *keyframes)
    assert torch.allclose(image[4:], second, atol=1e-3)


def test_sampler_node_takes_a_batch_of_clips_with_noise_of_their_own(
    tiny: HostModels, ready: Ready
) -> None:
    positive, negative, latent = ready
    two = {**latent, "samples": torch.cat([latent["samples"]] * 2)}
    out = run_sampler(tiny.model, positive, negative, two)["samples"]
    assert out.shape[0] == 2
    assert not torch.allclose(out[0], out[1], atol=0.1)


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


def test_partial_denoising_keeps_what_the_clip_was(tiny: HostModels, ready: Ready) -> None:
    positive, negative, latent = ready
    start = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(3)) / LATENT_SCALE
    given = (positive, negative, {**latent, "samples": start})
    distances = [
        relative(
            host_nodes.common_ksampler(
                tiny.model, 5, 4, 1.0, "euler", "normal", *given, denoise=denoise
            )[0]["samples"],
            start,
        )
        for denoise in (0.05, 0.3, 1.0)
    ]
    assert distances == sorted(distances)
    assert distances[0] < distances[2] / 2


@pytest.mark.parametrize("sampler", ["ours", "euler"])
def test_masked_part_of_the_clip_stays_as_it_was(
    tiny: HostModels, ready: Ready, sampler: str
) -> None:
    positive, negative, latent = ready
    start = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(3)) / LATENT_SCALE
    mask = torch.zeros(1, 64, 64)
    mask[:, :, 32:] = 1
    given = {**latent, "samples": start, "noise_mask": mask}
    if sampler == "ours":
        out = run_sampler(tiny.model, positive, negative, given)["samples"]
    else:
        out = host_nodes.common_ksampler(
            tiny.model, 5, 3, 2.0, "euler", "normal", positive, negative, given
        )[0]["samples"]
    assert torch.allclose(out[..., :4], start[..., :4], atol=1e-3)
    assert not torch.allclose(out[..., 4:], start[..., 4:], atol=1.0)


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
