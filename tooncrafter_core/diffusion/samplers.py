"""DDIM with any eta (SPEC section 9)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from .prediction import predicted_clean, predicted_noise
from .schedule import DDIMStep

Denoise = Callable[[Tensor, int], Tensor]
"""Gives the guided v for noisy latents at a timestep."""


@dataclass(frozen=True)
class SamplingProgress:
    """What a sampler reports after each step."""

    step: int
    """Steps done, from 1."""
    total: int
    latents: Tensor
    """Noisy latents after the step."""
    clean: Tensor
    """The clean latents as estimated at this step, after the dynamic rescale."""


OnStep = Callable[[SamplingProgress], None]


def ddim_step(z: Tensor, v: Tensor, step: DDIMStep, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Take one step; returns the next noisy latents and the rescaled clean estimate."""
    eps = predicted_noise(z, v, step.alpha)
    clean = predicted_clean(z, v, step.alpha) * step.rescale
    following = step.previous_alpha**0.5 * clean + step.noise_weight * eps + step.sigma * noise
    return following, clean


def sample_ddim(
    denoise: Denoise,
    noise: Tensor,
    steps: Sequence[DDIMStep],
    draw: Callable[[Tensor], Tensor],
    on_step: OnStep | None = None,
) -> Tensor:
    """Walk from noise to clean latents.

    Args:
        denoise: guided v of latents at a timestep.
        noise: the start, standard normal.
        steps: from ``ddim_steps``.
        draw: gives fresh noise shaped as its argument; called in every step, also where the noise
            has weight 0, so that the stream does not depend on eta.
        on_step: called after every step; may raise to stop.
    """
    z = noise
    for index, step in enumerate(steps):
        v = denoise(z, step.timestep)
        z, clean = ddim_step(z, v.to(z), step, draw(z))
        if on_step is not None:
            on_step(SamplingProgress(index + 1, len(steps), z, clean))
    return z
