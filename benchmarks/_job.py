"""A whole interpolation in parts that can be timed, ours and as the published program does it.

Legend: b batch, t frames, c channels, h w latent cells. Encoders of prompt and picture are left
out: together they are a third of a per mille of the work, and need packages of their own.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from benchmarks._networks import (
    make_autoencoder,
    make_conditions,
    make_denoiser,
    make_projector,
    make_references,
)
from benchmarks._plain import PlainOperations, per_frame_text, plain_decoder
from tooncrafter_core.conditioning.condition import Condition
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import TOONCRAFTER_512
from tooncrafter_core.diffusion.guidance import guided_prediction
from tooncrafter_core.interpolation.decoding import DEFAULT_CHUNK, decode_video
from tooncrafter_core.interpolation.guided_denoiser import Guidance, GuidedDenoiser
from tooncrafter_core.layers.kernels.memory_order import arrange_weights
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from
from tooncrafter_core.models.denoiser import Denoiser
from tooncrafter_core.models.projector import Resampler

XFORMERS_ABOVE = 64
"""Tokens above which the published program attends by a fused kernel: all but over the frames."""

SCALE, RESCALE = 7.5, 0.7


@dataclass(frozen=True)
class Shape:
    """Of the video, in pixels."""

    width: int
    height: int
    num_frames: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}x{self.num_frames}"

    @property
    def latents(self) -> tuple[int, ...]:
        """Of one clip."""
        cell = TOONCRAFTER_512.autoencoder.downsampling
        return 1, 4, self.num_frames, self.height // cell, self.width // cell


@dataclass(frozen=True)
class Networks:
    """What a job needs, on one device."""

    config: ModelConfig
    denoiser: Denoiser
    autoencoder: Autoencoder
    projector: Resampler
    device: torch.device
    dtype: torch.dtype
    """Of the arithmetic; that of the weights too, but for the plain ones in float32."""
    is_plain: bool = False

    @property
    def weight_bytes(self) -> int:
        """Of everything."""
        networks = (self.denoiser, self.autoencoder, self.projector)
        return sum(p.numel() * p.element_size() for n in networks for p in n.parameters())


def make_networks(config: ModelConfig, device: torch.device, dtype: torch.dtype) -> Networks:
    """The networks as the core uses them: weights in the precision of the arithmetic."""
    networks = Networks(
        config=config,
        denoiser=make_denoiser(config.unet, device, dtype),
        autoencoder=make_autoencoder(config.autoencoder, device, dtype),
        projector=make_projector(config, device, dtype),
        device=device,
        dtype=dtype,
    )
    for network in (networks.denoiser, networks.autoencoder, networks.projector):
        arrange_weights(network)
    return networks


def make_plain_networks(config: ModelConfig, device: torch.device, dtype: torch.dtype) -> Networks:
    """The stand-in for the published program: float32 weights, to be run under autocast."""
    plain, f32 = PlainOperations(XFORMERS_ABOVE), torch.float32
    autoencoder = make_autoencoder(config.autoencoder, device, f32, plain)
    plain_decoder(autoencoder)
    return Networks(
        config=config,
        denoiser=make_denoiser(config.unet, device, f32, plain),
        autoencoder=autoencoder,
        projector=make_projector(config, device, f32),
        device=device,
        dtype=dtype,
        is_plain=True,
    )


class Job:
    """One clip's inputs and the steps of its interpolation."""

    def __init__(self, networks: Networks, shape: Shape) -> None:
        self.networks, self.shape = networks, shape
        self._device = networks.device
        self._weight_dtype = torch.float32 if networks.is_plain else networks.dtype
        config, (_, _, frames, height, width) = networks.config, shape.latents
        self.conditions = make_conditions(
            config, frames, height, width, self._device, self._weight_dtype
        )
        self.z = torch.randn(shape.latents, device=self._device)
        self.images = torch.randn(
            2, 3, shape.height, shape.width, device=self._device, dtype=self._weight_dtype
        )
        self._features = torch.randn(
            1, 257, config.resampler.embedding_dim, device=self._device, dtype=self._weight_dtype
        )

    def project(self) -> Tensor:
        """Image tokens of one keyframe, b (t l) c."""
        return self.networks.projector(self._features)

    def encode(self) -> tuple[Tensor, list[Tensor]]:
        """Latents of the keyframes and references; plainly, all frames of a padded clip."""
        autoencoder, images = self.networks.autoencoder, self.images
        if not self.networks.is_plain:
            posterior = autoencoder.encode(images)
            return posterior.mean, references_from(posterior.features)
        grey = images.new_zeros(self.shape.num_frames - 2, *images.shape[1:])
        posterior = autoencoder.encode(torch.cat([images[:1], grey, images[1:]]))
        ends = [0, -1]
        return posterior.mean[ends], references_from([f[ends] for f in posterior.features])

    def bind(self, *, batched: bool) -> "GuidedDenoiser | PlainGuidance":
        """The guided denoiser, its conditions bound as for a run of many steps."""
        if self.networks.is_plain:
            return PlainGuidance(self.networks.denoiser, self.conditions)
        return GuidedDenoiser(
            self.networks.denoiser,
            *self.conditions,
            Guidance(scale=SCALE, rescale=RESCALE, batched=batched),
        )

    def references(self) -> list[Tensor]:
        """Features in place of those of two encoded images."""
        config, shape = self.networks.config.autoencoder, self.shape
        return make_references(config, shape.height, shape.width, self._device, self._weight_dtype)

    def decode(self, references: list[Tensor], chunk: int = DEFAULT_CHUNK) -> Tensor:
        """The video, with the second pass as published; plainly, the whole clip at once."""
        chunk = self.shape.num_frames if self.networks.is_plain else chunk

        def decode_clip(clip: Tensor, size: int) -> Tensor:
            return self.networks.autoencoder.decode(clip, references, size)

        # A retreat would be measured as if it were the wanted chunk.
        latents = self.z.to(self._weight_dtype)
        return decode_video(decode_clip, latents, chunk=chunk, out_of_memory=())

    def sample(self, steps: int, *, batched: bool) -> Tensor:
        """Latents after the steps; the sampler's arithmetic is DDIM's, its numbers are not."""
        denoise = self.bind(batched=batched)
        z = self.z
        for step in range(steps):
            v = denoise(z, 999 - step * (999 // steps))
            clean, eps = 0.7 * z - 0.7 * v, 0.7 * v + 0.7 * z
            z = 0.7 * clean + 0.5 * eps + 0.1 * torch.randn_like(z)
        return z

    def whole(self, steps: int, *, batched: bool) -> Tensor:
        """From keyframes to video; what is decoded are other latents, of the same size."""
        _, references = self.encode()
        self.project()
        self.sample(steps, batched=batched)
        return self.decode(references)


class PlainGuidance:
    """Two predictions one after the other, text copied for every frame, nothing kept."""

    def __init__(self, denoiser: Denoiser, conditions: tuple[Condition, Condition]) -> None:
        self._denoiser = denoiser
        self._conditions = [
            replace(c, text=per_frame_text(c.text, c.num_frames)) for c in conditions
        ]

    def __call__(self, z: Tensor, timestep: int) -> Tensor:
        """The guided v."""
        predictions = [
            self._denoiser(
                torch.cat([z, condition.keyframe_latents], dim=1),
                torch.full((1,), timestep, device=z.device),
                condition.text,
                condition.image_tokens,
                condition.motion_fps,
            ).float()
            for condition in self._conditions
        ]
        return guided_prediction(*predictions, SCALE, RESCALE)
