"""Latents that the denoiser draws between the ends of true clips, to train the decoder on.

Legend: b batch, r keyframes (2), c channels, t frames, h w space.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ...checkpoints.load import Models
from ...diffusion.noise import NoiseStream
from ...diffusion.samplers import ddim_step
from ...diffusion.schedule import ddim_steps, make_schedule
from ...interpolation.pipeline import condition_on, sample
from ...interpolation.settings import InterpolationSettings


class TrueEnds(NamedTuple):
    """What a clip is drawn from: the ends of a true one."""

    picture: Tensor
    """The first keyframe, ``3 h w`` in [-1, 1]."""
    latents: Tensor
    """The autoencoder's, of both keyframes, ``4 r h w``."""
    fps: float
    """The motion fps."""
    seed: int


def drawn_latents(models: Models, clips: Sequence[TrueEnds], num_frames: int, steps: int) -> Tensor:
    """The autoencoder's latents ``b 4 t h w`` of clips, drawn without guidance and eta 0.

    A single step can be differentiated.
    """
    scale = models.config.diffusion.latent_scale
    drawn = []
    for picture, latents, fps, seed in clips:
        channels, _, height, width = latents.shape
        settings = InterpolationSettings(
            num_frames=num_frames, motion_fps=fps, steps=steps, eta=0.0, guidance_scale=1.0
        )
        condition, unconditional = condition_on(
            models, picture[None], latents[None] * scale, settings
        )
        noise = NoiseStream(seed, (1, channels, num_frames, height, width))
        if steps > 1:
            drawn.append(sample(models, (condition, unconditional), noise, settings))
            continue
        (step,) = ddim_steps(make_schedule(models.config.diffusion), 1, eta=0.0)
        start = noise.start().to(latents)
        v = models.denoiser(
            torch.cat([start, condition.keyframe_latents], dim=1),
            torch.tensor([step.timestep], device=start.device),
            condition.text,
            condition.image_tokens,
            condition.motion_fps,
        )
        # The same as ``sample``, which gives no gradient.
        drawn.append(ddim_step(start, v.float(), step, torch.zeros_like(start))[0])
    return torch.cat(drawn) / scale
