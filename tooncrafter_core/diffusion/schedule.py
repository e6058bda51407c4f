"""The noise schedule and the timesteps that a sampler visits (SPEC sections 8 and 9).

A noisy latent is ``sqrt(alpha) * scale * clean + sqrt(1 - alpha) * noise``: alpha falls to exactly
zero at the last timestep (zero terminal SNR), scale is the dynamic rescale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..config.model import DiffusionConfig
from ..errors import ToonCrafterError, check_choice

Spacing = Literal["trailing", "uniform"]
SPACINGS: tuple[Spacing, ...] = ("trailing", "uniform")

TERMINAL_ALPHA = 4.8973451890853435e-08
"""Used in place of the last alpha, 0, where a finite ratio of noise to signal is needed."""


@dataclass(frozen=True)
class NoiseSchedule:
    """Alpha and scale of every timestep."""

    alphas_cumprod: Tensor
    """(timesteps,), float32."""
    scales: Tensor
    """(timesteps,), float32."""

    @property
    def num_timesteps(self) -> int:
        """Timesteps of the training schedule."""
        return len(self.alphas_cumprod)

    def sigmas(self) -> Tensor:
        """Noise relative to the clean latents, (timesteps,) float32, strictly rising.

        With ``x = z / (sqrt(alpha) * scale)`` a noisy latent is ``x = clean + sigma * noise``, the
        form in which ComfyUI's samplers work.
        """
        alphas = self.alphas_cumprod.double().clone()
        alphas[-1] = max(float(alphas[-1]), TERMINAL_ALPHA)
        return ((1 - alphas).sqrt() / (alphas.sqrt() * self.scales.double())).float()


def _alphas_cumprod(config: DiffusionConfig) -> np.ndarray:
    """Cumulative products of a scaled-linear schedule, shifted to end at zero; float64."""
    count = config.num_timesteps
    betas = np.linspace(config.linear_start**0.5, config.linear_end**0.5, count) ** 2
    roots = np.sqrt(np.cumprod(1 - betas))
    roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    return roots**2


def _betas(config: DiffusionConfig) -> np.ndarray:
    shifted = _alphas_cumprod(config)
    return 1 - np.concatenate([shifted[:1], shifted[1:] / shifted[:-1]])


def _scales(config: DiffusionConfig) -> np.ndarray:
    """The rescale by timestep; longer than the schedule, as the reference stores it."""
    falling = np.linspace(1.0, config.base_scale, config.scale_steps)
    return np.concatenate([falling, np.full(config.num_timesteps, config.base_scale)])


def make_schedule(config: DiffusionConfig) -> NoiseSchedule:
    """Compute the schedule; checkpoints' own buffers may be rounded and are never used."""
    alphas_cumprod = np.cumprod(1 - _betas(config))
    scales = _scales(config)[: config.num_timesteps]
    return NoiseSchedule(torch.from_numpy(alphas_cumprod).float(), torch.from_numpy(scales).float())


def schedule_buffers(config: DiffusionConfig) -> dict[str, Tensor]:
    """The buffers an official checkpoint stores with its weights, float32 (SPEC section 8)."""
    betas = _betas(config)
    alphas = 1 - betas
    cumulative = np.cumprod(alphas)
    previous = np.concatenate([[1.0], cumulative[:-1]])
    variance = betas * (1 - previous) / (1 - cumulative)
    with np.errstate(divide="ignore"):
        log_one_minus = np.log(1 - cumulative)
    buffers = {
        "betas": betas,
        "alphas_cumprod": cumulative,
        "alphas_cumprod_prev": previous,
        "sqrt_alphas_cumprod": np.sqrt(cumulative),
        "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - cumulative),
        "log_one_minus_alphas_cumprod": log_one_minus,
        # Zero for v-prediction: their true values are infinite at the last timestep.
        "sqrt_recip_alphas_cumprod": np.zeros_like(cumulative),
        "sqrt_recipm1_alphas_cumprod": np.zeros_like(cumulative),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": np.log(np.maximum(variance, 1e-20)),
        "posterior_mean_coef1": betas * np.sqrt(previous) / (1 - cumulative),
        "posterior_mean_coef2": (1 - previous) * np.sqrt(alphas) / (1 - cumulative),
        "scale_arr": _scales(config),
    }
    return {name: torch.from_numpy(values).float() for name, values in buffers.items()}


def select_timesteps(num_timesteps: int, steps: int, spacing: Spacing = "trailing") -> list[int]:
    """Choose ``steps`` timesteps, ascending; a sampler walks them backwards (SPEC section 9).

    Equal to the reference wherever that yields the number of steps asked for; elsewhere (61, 103,
    3, 9 and others) it yields too many or leaves the schedule, and this does not.

    Raises:
        ToonCrafterError: ``steps`` is not in 1 to ``num_timesteps``, or the spacing is unknown.
    """
    check_choice("The spacing of timesteps", spacing, SPACINGS)
    if not 1 <= steps <= num_timesteps:
        raise ToonCrafterError(
            f"Sampling takes 1 to {num_timesteps} steps, got {steps}. 50 is the usual number."
        )
    if spacing == "trailing":
        # The same floats as the reference, which rounds halves to even and may give one too many.
        descending = np.round(np.arange(num_timesteps, 0, -num_timesteps / steps))[:steps]
        return [int(value) - 1 for value in descending[::-1]]
    reference = [value + 1 for value in range(0, num_timesteps, num_timesteps // steps)]
    if len(reference) == steps and reference[-1] < num_timesteps:
        return reference
    even = [index * num_timesteps // steps + 1 for index in range(steps)]
    # Only a walk through every timestep has no room for the shift by one.
    return even if even[-1] < num_timesteps else [value - 1 for value in even]


@dataclass(frozen=True)
class DDIMStep:
    """The numbers of one DDIM step, as plain floats: nothing is read back from a device."""

    timestep: int
    alpha: float
    """Alpha of this timestep."""
    previous_alpha: float
    """Alpha of the timestep that the step leads to."""
    sigma: float
    """Standard deviation of the fresh noise."""
    rescale: float
    """Factor on the clean estimate: scale of the next timestep divided by this one's."""

    @property
    def noise_weight(self) -> float:
        """Weight of the predicted noise; the reference lets rounding push its square below 0."""
        return max(1.0 - self.previous_alpha - self.sigma**2, 0.0) ** 0.5


def ddim_steps(
    schedule: NoiseSchedule, steps: int, *, eta: float = 1.0, spacing: Spacing = "trailing"
) -> list[DDIMStep]:
    """List the steps in the order a sampler takes them, from noise to clean (SPEC section 9).

    Args:
        schedule: from ``make_schedule``.
        steps: how many; exactly that many are returned.
        eta: 0 is deterministic, 1 adds as much noise as ancestral sampling.
        spacing: which timesteps are visited.

    Raises:
        ToonCrafterError: ``steps`` or ``eta`` is out of range.
    """
    if not 0.0 <= eta <= 1.0:
        raise ToonCrafterError(f"DDIM's eta lies between 0 and 1, got {eta}.")
    timesteps = select_timesteps(schedule.num_timesteps, steps, spacing)[::-1]
    return steps_through(schedule, timesteps, eta)


def steps_through(schedule: NoiseSchedule, timesteps: Sequence[int], eta: float) -> list[DDIMStep]:
    """List the steps of a walk through these timesteps, from the highest to clean."""
    landings = [*timesteps[1:], None]
    return [
        step_between(schedule, timestep, landing, eta)
        for timestep, landing in zip(timesteps, landings, strict=True)
    ]


def step_between(
    schedule: NoiseSchedule, timestep: int, landing: int | None, eta: float
) -> DDIMStep:
    """The DDIM step from one timestep to a lower one; None ends the sampling.

    The last step ends at the alpha of timestep 0, as in the reference, not at a perfectly clean
    latent (SPEC section 9).
    """
    alphas, scales = schedule.alphas_cumprod, schedule.scales
    alpha, scale = float(alphas[timestep]), float(scales[timestep])
    previous_alpha = float(alphas[0 if landing is None else landing])
    previous_scale = scale if landing is None else float(scales[landing])
    # A sampler may be asked to stay where it is; then there is nothing to add.
    stays = previous_alpha <= alpha
    variance = 0.0 if stays else (1 - previous_alpha) / (1 - alpha) * (1 - alpha / previous_alpha)
    return DDIMStep(
        timestep=timestep,
        alpha=alpha,
        previous_alpha=previous_alpha,
        sigma=eta * variance**0.5,
        rescale=previous_scale / scale,
    )
