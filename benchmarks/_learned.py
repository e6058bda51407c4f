"""A tiny trained denoiser, to measure distances on.

Made-up weights amplify whatever is changed: under guidance of 7.5 with fresh noise a nudge of 1e-6
of the start ends as 3 % of the latents, so that every change looks alike. Some hundred steps of
training on clips of smooth fields make a denoiser that pulls towards clips, as trained ones do, and
forgets small nudges.

Legend: b batch, t frames, c channels, h w latent cells.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks._networks import make_autoencoder
from tooncrafter_core.checkpoints.synthetic import made_up_tensor
from tooncrafter_core.conditioning.condition import Condition
from tooncrafter_core.config.model import DiffusionConfig
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.diffusion.noise import NoiseStream
from tooncrafter_core.diffusion.prediction import v_target
from tooncrafter_core.diffusion.samplers import sample_ddim
from tooncrafter_core.diffusion.schedule import NoiseSchedule, ddim_steps, make_schedule
from tooncrafter_core.interpolation.decoding import decode_video
from tooncrafter_core.interpolation.guided_denoiser import Guidance, GuidedDenoiser
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from
from tooncrafter_core.models.denoiser import Denoiser

FRAMES, SIDE = 4, 8
"""Of a clip of latents; its frames have 64x64 pixels."""
TRAINING_STEPS, BATCH, RATE = 400, 8, 2e-3
DROPPED = 0.15
"""Share of clips that are trained without their tokens, for guidance."""
KEPT = Path(__file__).parents[1] / "out" / "benchmarks"
SHAPE = (1, 4, FRAMES, SIDE, SIDE)
F32 = torch.float32


def clips(batch: int, generator: torch.Generator) -> tuple[Tensor, Condition]:
    """Clips that fade from one smooth field to another, and the conditions of the denoiser."""
    coarse = torch.randn(batch, 2, 4, 3, 3, generator=generator)
    ends = 1.2 * F.interpolate(coarse.flatten(0, 1), (SIDE, SIDE), mode="bicubic")
    first, last = ends.unflatten(0, (batch, 2)).unbind(1)
    keyframes = torch.zeros(batch, *SHAPE[1:])
    keyframes[:, :, 0], keyframes[:, :, -1] = first, last
    way = torch.linspace(0, 1, FRAMES)[:, None, None]
    clip = torch.lerp(first[:, :, None], last[:, :, None], way)
    features, dim = coarse.flatten(1), TINY.unet.context_dim
    text, image = (
        (features @ _projection(tokens * dim, features.shape[1]).T).unflatten(1, (tokens, dim))
        for tokens in (77, FRAMES * 16)
    )
    return clip, Condition(
        text=text, image_tokens=image.unflatten(1, (FRAMES, 16)), keyframe_latents=keyframes,
        motion_fps=torch.full((batch,), 10.0),
    )  # fmt: skip


@cache
def _projection(rows: int, columns: int) -> Tensor:
    """The projection from a clip's coarse fields to its tokens."""
    return made_up_tensor("told", f"{rows}.weight", (rows, columns))


def without_tokens(condition: Condition, dropped: Tensor | float = 1.0) -> Condition:
    """The unconditional condition; or that of some of a batch."""
    keep = 1 - torch.as_tensor(dropped)
    return Condition(
        text=condition.text * keep.reshape(-1, 1, 1),
        image_tokens=condition.image_tokens * keep.reshape(-1, 1, 1, 1),
        keyframe_latents=condition.keyframe_latents, motion_fps=condition.motion_fps,
    )  # fmt: skip


def train(report: Callable[[str], None] = print) -> dict[str, Tensor]:
    """Weights of a tiny denoiser after some minutes on one core; the same on one machine."""
    generator = torch.Generator().manual_seed(0)
    schedule = make_schedule(DiffusionConfig())
    network = Denoiser(TINY.unet)
    network.load_state_dict(
        {k: made_up_tensor("unit", k, tuple(v.shape)) for k, v in network.state_dict().items()}
    )
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=TRAINING_STEPS)
    for step in range(TRAINING_STEPS):
        clip, condition = clips(BATCH, generator)
        dropped = (torch.rand(BATCH, generator=generator) < DROPPED).float()
        given = without_tokens(condition, dropped)
        timesteps = torch.randint(0, schedule.num_timesteps, (BATCH,), generator=generator)
        alpha = schedule.alphas_cumprod[timesteps].reshape(-1, 1, 1, 1, 1)
        clean = clip * schedule.scales[timesteps].reshape(-1, 1, 1, 1, 1)
        noise = torch.randn(clip.shape, generator=generator)
        z = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        x = torch.cat([z, given.keyframe_latents], dim=1)
        v = network(x, timesteps, given.text, given.image_tokens, given.motion_fps)
        loss = F.mse_loss(v, v_target(clean, noise, alpha))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        rate.step()
        if step % 50 == 49:
            report(f"learning: step {step + 1} of {TRAINING_STEPS}, loss {loss.item():.3f}")
    return {key: value.detach() for key, value in network.state_dict().items()}


def learned_weights() -> dict[str, Tensor]:
    """The weights, from the last run's file where there is one."""
    path = KEPT / f"learnt_{TRAINING_STEPS}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with torch.enable_grad():
            save_file(train(), path)
    return load_file(path)


def learned_denoiser(dtype: torch.dtype = F32) -> Denoiser:
    """The denoiser in a precision."""
    network = Denoiser(TINY.unet, dtype=dtype)
    network.load_state_dict(learned_weights())
    network.eval().requires_grad_(False)
    return network


class Clip:
    """One clip to draw, and how far another way of drawing it ends from the exact one."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(1000 + seed)
        _, self.condition = clips(1, generator)
        self.seed = seed
        self.schedule: NoiseSchedule = make_schedule(DiffusionConfig())
        self._autoencoder = make_autoencoder(TINY.autoencoder, torch.device("cpu"), F32)
        self._autoencoder.load_state_dict(
            {
                key: made_up_tensor("tiny", key, tuple(value.shape))
                for key, value in self._autoencoder.state_dict().items()
            }
        )
        images = torch.randn(2, 3, 8 * SIDE, 8 * SIDE, generator=generator).clamp(-1, 1)
        self._references = references_from(self._autoencoder.encode(images).features)

    def guided(self, network: torch.nn.Module, dtype: torch.dtype = F32, **options: object
               ) -> GuidedDenoiser:  # fmt: skip
        """The denoiser with guidance as published."""
        both = (c.to(dtype=dtype) for c in (self.condition, without_tokens(self.condition)))
        return GuidedDenoiser(network, *both, Guidance(scale=7.5, rescale=0.7, **options))  # type: ignore[arg-type]

    def noise(self) -> NoiseStream:
        """All noise of a run."""
        return NoiseStream(self.seed, SHAPE)

    def ddim(self, denoise: Callable[[Tensor, int], Tensor], steps: int = 50, eta: float = 1.0
             ) -> Tensor:  # fmt: skip
        """Latents by the published sampler."""
        noise = self.noise()
        walk = ddim_steps(self.schedule, steps, eta=eta)
        return sample_ddim(denoise, noise.start(), walk, noise.step)

    def frames(self, latents: Tensor, autoencoder: Autoencoder | None = None) -> Tensor:
        """The video of latents, by the exact decoder or another of the same weights."""
        network = self._autoencoder if autoencoder is None else autoencoder
        dtype = next(network.parameters()).dtype
        references = [reference.to(dtype) for reference in self._references]
        return decode_video(
            lambda z, n: network.decode(z, references, n), latents.to(dtype)
        ).float()

    def half_autoencoder(self, dtype: torch.dtype) -> Autoencoder:
        """The decoder in another precision."""
        network = make_autoencoder(TINY.autoencoder, torch.device("cpu"), dtype)
        network.load_state_dict(self._autoencoder.state_dict())
        return network


def psnr(found: Tensor, expected: Tensor, size: float = 2.0) -> float:
    """Peak signal to noise ratio in dB; ``size`` is the range of values, 2 for video."""
    error = (found.double() - expected.double()).square().mean()
    return float(10 * torch.log10(size**2 / error))


def latent_psnr(found: Tensor, expected: Tensor) -> float:
    """The same of latents, in the range that the expected ones take."""
    return psnr(found, expected, float(expected.max() - expected.min()))
