"""What the denoiser is shown in training and what it is to answer (SPEC section 8).

Legend: b batch.
"""

from typing import NamedTuple

from einops import rearrange
from torch import Tensor

from .prediction import noisy_latents, v_target
from .schedule import NoiseSchedule


class TrainingPair(NamedTuple):
    """A noisy latent and the v that belongs to it, both ``b ...`` as the clean latents."""

    noisy: Tensor
    target: Tensor


def training_pair(
    schedule: NoiseSchedule, clean: Tensor, noise: Tensor, timesteps: Tensor
) -> TrainingPair:
    """Noise each of ``b c t h w`` clean latents to its timestep (``b``).

    Clean latents are rescaled by their timestep first, as the sampler expects them. At the last
    timestep nothing of them is left, and the target is all of them.
    """
    index = timesteps.to(schedule.alphas_cumprod.device)
    alpha, scale = (
        rearrange(values[index].to(clean), "b -> b 1 1 1 1")
        for values in (schedule.alphas_cumprod, schedule.scales)
    )
    rescaled = scale * clean
    return TrainingPair(noisy_latents(rescaled, noise, alpha), v_target(rescaled, noise, alpha))
