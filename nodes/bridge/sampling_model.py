"""The noise schedule in the form ComfyUI's samplers work in.

They see ``x = clean + sigma * noise``; the network sees ``z = sqrt(alpha) * scale * x``, where
scale is the dynamic rescale (SPEC section 8). The two are the same latents in other units.
"""

from typing import Any

import torch
from comfy.model_sampling import ModelSamplingDiscrete
from torch import Tensor

from ...tooncrafter_core.config.model import DiffusionConfig
from ...tooncrafter_core.diffusion.prediction import predicted_clean, v_from_clean
from ...tooncrafter_core.diffusion.schedule import make_schedule
from ...tooncrafter_core.errors import ModelMismatchError
from .unknown import note_unknown


class ToonCrafterModelSampling(ModelSamplingDiscrete):
    """Makes ComfyUI's samplers exact on a v-predicting model with rescaled clean latents."""

    sigmas: Tensor
    log_sigmas: Tensor
    levels: Tensor
    """Sigma, scale and alpha of every timestep, together: they go to the device in one piece."""

    def __init__(self, config: DiffusionConfig) -> None:
        torch.nn.Module.__init__(self)
        self.schedule = make_schedule(config)
        self.num_timesteps = self.schedule.num_timesteps
        self.linear_start = config.linear_start
        self.linear_end = config.linear_end
        self.sigma_data = 1.0
        self.zsnr = True
        self.set_sigmas(self.schedule.sigmas())
        # In float64 once, here on the CPU: some devices have none.
        sigmas, scales = self.sigmas.double(), self.schedule.scales.double()
        levels = torch.stack([sigmas, scales, 1 / (1 + (sigmas * scales) ** 2)])
        self.register_buffer("levels", levels.float(), persistent=False)

    def coefficients(self, sigma: Tensor, ndim: int) -> tuple[Tensor, Tensor]:
        """Alpha and scale of noise levels (b,), shaped to multiply tensors of ``ndim`` axes.

        Between the schedule's levels alpha follows sigma itself, so that the two units agree at
        whatever level a sampler asks for.
        """
        sigma = sigma.reshape(-1).float()
        level, scale, alpha = self.levels.to(sigma.device)[:, self.timestep(sigma)]
        between = 1 / (1 + (sigma * scale) ** 2)
        alpha = torch.where(sigma == level, alpha, between)
        shape = (-1,) + (1,) * (ndim - 1)
        return alpha.reshape(shape), scale.reshape(shape)

    def to_network(self, sigma: Tensor, x: Tensor) -> Tensor:
        """Latents of the samplers' units in those of the network."""
        alpha, scale = self.coefficients(sigma, x.ndim)
        return x * (alpha.sqrt() * scale).to(x.dtype)

    def from_network(self, sigma: Tensor, z: Tensor) -> Tensor:
        """Latents of the network's units in those of the samplers."""
        alpha, scale = self.coefficients(sigma, z.ndim)
        return z / (alpha.sqrt() * scale).to(z.dtype)

    def to_v(self, sigma: Tensor, x: Tensor, denoised: Tensor) -> Tensor:
        """The network's prediction, given back from the clean latents a sampler works with."""
        alpha, scale = self.coefficients(sigma, x.ndim)
        alpha, scale = alpha.to(x.dtype), scale.to(x.dtype)
        return v_from_clean(self.to_network(sigma, x), denoised * scale, alpha)

    def calculate_input(self, sigma: Tensor, noise: Tensor, **unknown: object) -> Tensor:
        """The network's input."""
        note_unknown("the schedule's input", unknown)
        return self.to_network(sigma, noise)

    def calculate_denoised(
        self, sigma: Tensor, model_output: Tensor, model_input: Tensor, **unknown: object
    ) -> Tensor:
        """Clean latents from the network's v."""
        note_unknown("the schedule's prediction", unknown)
        alpha, scale = self.coefficients(sigma, model_output.ndim)
        alpha, scale = alpha.to(model_output.dtype), scale.to(model_output.dtype)
        z = self.to_network(sigma, model_input)
        return predicted_clean(z, model_output, alpha) / scale

    def noise_scaling(
        self, sigma: Tensor, noise: Tensor, latent_image: Tensor, max_denoise: bool = False,
        **unknown: object,
    ) -> Tensor:  # fmt: skip
        """Noisy latents to start from; at full denoising the network sees the noise itself."""
        note_unknown("the schedule's noise", unknown)
        sigma = torch.as_tensor(sigma, device=noise.device)
        if max_denoise:
            return self.from_network(sigma, noise)
        return latent_image + noise * sigma.reshape((-1,) + (1,) * (noise.ndim - 1))

    def inverse_noise_scaling(self, sigma: Tensor, latent: Tensor, **unknown: object) -> Tensor:
        """Nothing: the samplers' units are those of the latents."""
        note_unknown("the schedule's end", unknown)
        return latent


def tooncrafter_sampling(model_patcher: Any) -> ToonCrafterModelSampling:
    """The schedule of a MODEL.

    Raises:
        ModelMismatchError: the model is not a ToonCrafter, or another node has replaced its
            schedule.
    """
    sampling = model_patcher.get_model_object("model_sampling")
    if isinstance(sampling, ToonCrafterModelSampling):
        return sampling
    raise ModelMismatchError(
        f"This model samples by {type(sampling).__name__}, but this node needs ToonCrafter's own "
        "schedule. Connect the MODEL of 'Load ToonCrafter', and no ModelSampling node between."
    )
