"""DDIM to the digit as a ComfyUI SAMPLER, and guidance rescale for any sampler (SPEC section 9)."""

from typing import Any, NamedTuple

import comfy.patcher_extension
import comfy.sample
import comfy.samplers
import comfy.utils
import torch
from torch import Tensor

from ...tooncrafter_core.diffusion.guidance import is_in_interval, rescale_guidance
from ...tooncrafter_core.diffusion.multistep import multistep_timesteps
from ...tooncrafter_core.diffusion.noise import NoiseStream, seed_going_on
from ...tooncrafter_core.diffusion.samplers import ddim_step
from ...tooncrafter_core.diffusion.schedule import Spacing, select_timesteps, step_between
from ...tooncrafter_core.interpolation.settings import Solver
from .clips.request import Latent
from .progress import StepCallback
from .sampling_model import ToonCrafterModelSampling, tooncrafter_sampling
from .unknown import note_unknown


class DDIMSampler(comfy.samplers.KSAMPLER):
    """DDIM that steps in the network's own latents, where alpha is exactly zero at the start."""

    def __init__(self, eta: float) -> None:
        super().__init__(run_ddim, extra_options={"eta": eta})
        self._is_empty = False

    def sample(
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: Tensor,
        latent_image: Tensor | None = None,
        denoise_mask: Tensor | None = None,
        disable_pbar: bool = False,
        **unknown: object,
    ) -> Tensor:
        """Sample as ComfyUI asks, from pure noise when there is no picture to start from."""
        note_unknown("the sampler", unknown)
        self._is_empty = latent_image is None or not bool(torch.count_nonzero(latent_image))
        self.extra_options["goes_on"] = not self._is_empty
        samples = super().sample(
            model_wrap, sigmas, extra_args, callback, noise, latent_image, denoise_mask,
            disable_pbar,
        )  # fmt: skip
        if denoise_mask is not None and latent_image is not None and float(sigmas[-1]) == 0.0:
            # The last step does not end quite clean; what was masked is given back as it came.
            samples = torch.lerp(latent_image.to(samples), samples, denoise_mask.to(samples))
        return samples

    def max_denoise(self, model_wrap: Any, sigmas: Tensor, **unknown: object) -> bool:
        """Whether to start from the noise as it is; the reference does so at any first timestep."""
        note_unknown("the sampler's start", unknown)
        return self._is_empty or super().max_denoise(model_wrap, sigmas)


@torch.no_grad()
def run_ddim(
    model: Any,
    x: Tensor,
    sigmas: Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Any = None,
    disable: bool | None = None,
    eta: float = 1.0,
    goes_on: bool = False,
    **unknown: object,
) -> Tensor:
    """Walk down ``sigmas``, as ComfyUI calls its samplers.

    Noise comes from the seed alone, and with ``goes_on``, from a clip that is there already, from
    the first timestep too: the second of two samplers in a row has noise of its own.
    """
    note_unknown("DDIM", unknown)
    extra_args = extra_args or {}
    sampling = _sampling_of(model)
    # Read once, before the loop: nothing in it waits for the device.
    levels = sampling.timestep(sigmas).tolist()
    ends_clean = float(sigmas[-1]) == 0.0
    timesteps = levels[:-1]
    landing = [*timesteps[1:], None if ends_clean else levels[-1]]
    seed = int(extra_args.get("seed") or 0)
    stream = NoiseStream(seed_going_on(seed, timesteps[0]) if goes_on else seed, x.shape)
    stream.start()  # the host has drawn it
    ones = x.new_ones(x.shape[0])
    z = sampling.to_network(sigmas[:1], x)
    for index, (timestep, target) in enumerate(zip(timesteps, landing, strict=True)):
        sigma = sigmas[index]
        denoised = model(x, sigma * ones, **extra_args)
        if callback is not None:
            callback({"x": x, "i": index, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})
        v = sampling.to_v(sigma[None], x, denoised)
        step = step_between(sampling.schedule, timestep, target, eta)
        z, _ = ddim_step(z, v, step, stream.step(z))
        if target is None:
            return z
        x = sampling.from_network(sigmas[index + 1 : index + 2], z)
    return x


def _sampling_of(model: Any) -> ToonCrafterModelSampling:
    return tooncrafter_sampling(model.inner_model.model_patcher)


def trailing_sigmas(model_patcher: Any, steps: int, spacing: Spacing = "trailing") -> Tensor:
    """Noise levels of DDIM's timesteps, from high to low, and a last 0; (steps + 1,)."""
    sampling = tooncrafter_sampling(model_patcher)
    return _sigmas_at(sampling, select_timesteps(sampling.num_timesteps, steps, spacing)[::-1])


def solver_sigmas(model_patcher: Any, steps: int) -> Tensor:
    """Noise levels for few steps of a multistep solver, and a last 0; (steps + 1,)."""
    sampling = tooncrafter_sampling(model_patcher)
    return _sigmas_at(sampling, multistep_timesteps(sampling.num_timesteps, steps))


def _sigmas_at(sampling: ToonCrafterModelSampling, timesteps: list[int]) -> Tensor:
    """Noise levels of timesteps, on the CPU as ComfyUI's schedulers give them, and a last 0."""
    return torch.cat([sampling.sigmas.cpu()[timesteps], torch.zeros(1)])


def with_guidance_rescale(model_patcher: Any, amount: float) -> Any:
    """A copy of the MODEL whose guided prediction gets its spread back, in v and over the clip.

    Works on whatever guidance has made, so it goes with any guider; without guidance it changes
    nothing.
    """
    sampling = tooncrafter_sampling(model_patcher)
    model_patcher = model_patcher.clone()

    def rescale(args: dict[str, Any]) -> Tensor:
        x, sigma = args["input"], args["sigma"]
        guided = sampling.to_v(sigma, x, args["denoised"])
        conditional = sampling.to_v(sigma, x, args["cond_denoised"])
        v = rescale_guidance(guided, conditional, amount)
        return sampling.calculate_denoised(sigma, v, x)

    if amount > 0:
        model_patcher.set_model_sampler_post_cfg_function(rescale)
    return model_patcher


def with_guidance_interval(model_patcher: Any, start: float, end: float) -> Any:
    """A copy of the MODEL that is guided in a part of the sampling only, 0 to 1.

    Elsewhere one prediction is made in place of two. The guider's cfg is set to 1 there, so this
    works with every sampler whose guider has a cfg.
    """
    sampling = tooncrafter_sampling(model_patcher)
    model_patcher = model_patcher.clone()

    def predict(executor: Any, x: Tensor, sigma: Tensor, *args: Any, **options: Any) -> Tensor:
        guider = executor.class_obj
        timestep = int(sampling.timestep(sigma.reshape(-1)[:1]))
        if not hasattr(guider, "cfg") or is_in_interval(
            timestep, sampling.num_timesteps, start, end
        ):
            return executor(x, sigma, *args, **options)
        scale, guider.cfg = guider.cfg, 1.0
        try:
            return executor(x, sigma, *args, **options)
        finally:
            guider.cfg = scale

    kind = comfy.patcher_extension.WrappersMP.PREDICT_NOISE
    model_patcher.add_wrapper_with_key(kind, "tooncrafter_guidance_interval", predict)
    return model_patcher


class SamplingChoice(NamedTuple):
    """What the sampling node's own inputs choose."""

    seed: int
    steps: int
    guidance_scale: float
    eta: float
    solver: Solver


def sample(
    model_patcher: Any,
    conditions: tuple[Any, Any],
    latent: Latent,
    choice: SamplingChoice,
    callback: StepCallback,
) -> Tensor:
    """Sample a LATENT; the start and every step's noise continue the keyframes' stream.

    ``conditions`` are the positive and the negative CONDITIONING.
    """
    seed, steps, guidance_scale, eta, solver = choice
    is_ddim = solver == "ddim"
    clip = comfy.sample.fix_empty_latent_channels(model_patcher, latent["samples"])
    return comfy.sample.sample_custom(
        model_patcher,
        NoiseStream(seed, clip.shape).start(),
        guidance_scale,
        DDIMSampler(eta) if is_ddim else comfy.samplers.sampler_object(solver),
        trailing_sigmas(model_patcher, steps) if is_ddim else solver_sigmas(model_patcher, steps),
        *conditions,
        clip,
        noise_mask=latent.get("noise_mask"),
        callback=callback,
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
