"""The denoiser's training pairs: noisy latents and the v to predict (SPEC section 8).

Legend: b batch.
"""

from typing import NamedTuple

from einops import rearrange
from torch import Tensor

from .prediction import noisy_latents, v_target
from .schedule import NoiseSchedule


class TrainingPair(NamedTuple):
    """A noisy latent and its target v, both shaped as the clean latents, ``b ...``."""

    noisy: Tensor
    target: Tensor


def training_pair(
    schedule: NoiseSchedule, clean: Tensor, noise: Tensor, timesteps: Tensor
) -> TrainingPair:
    """Add the noise of its timestep (``b``) to each of ``b c t h w`` clean latents.

    Clean latents are rescaled by their timestep first, as the sampler expects them. At the last
    timestep the input is pure noise, and the target depends on the clean latents alone.
    """
    index = timesteps.to(schedule.alphas_cumprod.device)
    alpha, scale = (
        rearrange(values[index].to(clean), "b -> b 1 1 1 1")
        for values in (schedule.alphas_cumprod, schedule.scales)
    )
    rescaled = scale * clean
    return TrainingPair(noisy_latents(rescaled, noise, alpha), v_target(rescaled, noise, alpha))
