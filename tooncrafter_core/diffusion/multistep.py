"""DPM-Solver++ (2M): the noise-free path in fewer steps (Lu et al., arXiv 2211.01095, algorithm 2).

Approximate compared with the published DDIM: it follows the same path without fresh noise, and
extrapolates the last two clean estimates where DDIM uses one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor

from ..errors import ToonCrafterError
from .prediction import predicted_clean
from .samplers import Denoise, OnStep, SamplingProgress
from .schedule import TERMINAL_ALPHA, NoiseSchedule


@dataclass(frozen=True)
class MultistepStep:
    """The numbers of one step, as plain floats; latents are ``signal * clean + noise``."""

    timestep: int
    alpha: float
    """Alpha of this timestep."""
    scale: float
    """Dynamic rescale of this timestep, contained in the network's clean estimate."""
    carry: float
    """Weight of the noisy latents."""
    gain: float
    """Weight of the clean estimate."""
    slope: float
    """How far the last change of the estimate is extrapolated; 0 at the first and last step."""


def multistep_timesteps(num_timesteps: int, steps: int) -> list[int]:
    """Timesteps from the last to the first, in the order in which they are visited.

    Quadratic, so that the steps become finer as the clip takes shape. Even ones of few steps leave
    much noise for the last step, which has to be a plain one: measured, they are far worse.
    """
    if not 1 <= steps <= num_timesteps:
        raise ToonCrafterError(f"Sampling takes 1 to {num_timesteps} steps, got {steps}.")
    last, gaps = num_timesteps - 1, max(steps - 1, 1)
    # No timestep twice: many steps are even where the square would be flatter than that.
    rising = [max(index, round(last * (index / gaps) ** 2)) for index in range(steps)]
    return [last] if steps == 1 else rising[::-1]


def multistep_steps(schedule: NoiseSchedule, steps: int) -> list[MultistepStep]:
    """List the steps from noise to clean; ``ValueError`` for a number that cannot be taken."""
    levels = [_level(schedule, t) for t in multistep_timesteps(schedule.num_timesteps, steps)]
    made, last_gap = [], math.inf
    for here, after in pairwise(levels):
        gap = after.log_ratio - here.log_ratio
        made.append(
            MultistepStep(
                here.timestep,
                here.alpha,
                here.scale,
                carry=after.noise / here.noise,
                gain=after.signal * -math.expm1(-gap),
                slope=gap / (2 * last_gap),
            )
        )
        last_gap = gap
    last = levels[-1]
    end = MultistepStep(last.timestep, last.alpha, last.scale, carry=0.0, gain=1.0, slope=0.0)
    return [*made, end]


class _Level(NamedTuple):
    """A timestep's latents: ``signal * clean + noise * standard normal``."""

    timestep: int
    alpha: float
    scale: float
    signal: float
    noise: float
    log_ratio: float


def _level(schedule: NoiseSchedule, timestep: int) -> _Level:
    alpha, scale = (float(v[timestep]) for v in (schedule.alphas_cumprod, schedule.scales))
    # As in ``sigmas``: the ratio of pure noise must be finite.
    alpha = max(alpha, TERMINAL_ALPHA)
    signal, noise = alpha**0.5 * scale, (1 - alpha) ** 0.5
    return _Level(timestep, alpha, scale, signal, noise, math.log(signal / noise))


def sample_dpmpp_2m(
    denoise: Denoise,
    noise: Tensor,
    steps: Sequence[MultistepStep],
    on_step: OnStep | None = None,
) -> Tensor:
    """Walk from noise to clean latents without fresh noise.

    Args:
        denoise: guided v of latents at a timestep.
        noise: the start, standard normal.
        steps: from ``multistep_steps``.
        on_step: called after every step; may raise to stop.
    """
    z, before = noise, None
    for index, step in enumerate(steps):
        v = denoise(z, step.timestep).to(z)
        clean = predicted_clean(z, v, step.alpha) / step.scale
        estimate = clean if before is None else clean + step.slope * (clean - before)
        z, before = step.carry * z + step.gain * estimate, clean
        if on_step is not None:
            on_step(SamplingProgress(index + 1, len(steps), z, clean))
    return z
