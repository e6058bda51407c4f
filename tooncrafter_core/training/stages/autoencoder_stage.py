"""Stage ``autoencoder``: trains the encoder and the plain image decoder of small models.

The published model has both from Stable Diffusion. The networks trained here have the same keys:
the image decoder is the dual-reference decoder without the layers that read references and work
over frames. The stage ``decoder`` continues from it.

Legend: b batch, n images, c channels, t frames, k frames of a clip that are used, h w space.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ...checkpoints.keys import COMPONENT_KEYS, Component
from ...checkpoints.load import Models
from ...errors import TrainingError
from ...models.autoencoder.ablation import OF_PARTS
from ...models.autoencoder.autoencoder import Autoencoder
from ..groups import Group
from ..inputs.draws import Draws
from ..losses.reconstruction import (
    ReconstructionLoss,
    ReconstructionSettings,
    check_crop,
    mean_psnr,
)
from ..stage import Batch, Losses, Stage

UNUSED = "post_quant_conv."
"""Keys in the checkpoint that this decoder does not use (SPEC section 6.2)."""


@dataclass(kw_only=True)
class AutoencoderSettings(ReconstructionSettings):
    """How the autoencoder is trained from scratch; values are ours, the paper has no such stage.

    The squared error helps a new network out of its first state of flat pictures.
    """

    mse: float = 3.0
    lpips: float = 0.0
    kl: float = 1e-5
    """Weight of the KL divergence from a standard normal, mean over the latents' elements."""
    frames_per_clip: int = 1
    """Frames used of each clip, chosen at random: neighbouring frames add little."""
    crop_width: int = 0
    """Width of the crop of a frame, at a random place; 0 takes the whole frame."""
    crop_height: int = 0


class AutoencoderStage(Stage):
    """Learns to encode and decode single frames."""

    autoencoder: Autoencoder

    def __init__(
        self,
        models: Models,
        settings: AutoencoderSettings,
        learn: tuple[Group, ...] = (Group.ENCODER, Group.DECODER),
    ) -> None:
        """Errors as ``ReconstructionLoss``; ``TrainingError`` for crops that cannot be encoded."""
        super().__init__({Component.AUTOENCODER: models.autoencoder}, learn)
        self.models, self.settings = models, settings
        self.loss = ReconstructionLoss(settings)
        check_crop(
            settings.crop_width, settings.crop_height, models.config.autoencoder.downsampling
        )
        if settings.frames_per_clip < 1 or settings.kl < 0:
            raise TrainingError(
                "frames_per_clip must be 1 or more and kl 0 or more; not "
                f"{settings.frames_per_clip} and {settings.kl}."
            )
        # The memory order in which convolutions of few channels are quickest, on CPU and GPU.
        for layer in self.autoencoder.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)

    def learners(self, player: str) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters that single frames use."""
        prefix = COMPONENT_KEYS[Component.AUTOENCODER].prefix
        for key, parameter in super().learners(player):
            own = key.removeprefix(prefix)
            if not (own.startswith(UNUSED) or any(of.search(own) for of in OF_PARTS.values())):
                yield key, parameter

    def forward(self, player: str, batch: Batch, step: int) -> Losses:
        """See ``Stage``."""
        images, draws = self._choose(batch)
        posterior = self.autoencoder.encode(images)
        mean, log_variance = (x.to(images) for x in (posterior.mean, posterior.log_variance))
        noise = draws.normal(self.settings.frames_per_clip, *mean.shape[1:])
        noise = rearrange(noise, "b k c h w -> (b k) c h w")
        latents = mean + torch.exp(0.5 * log_variance) * noise.to(mean)
        decoded = self.autoencoder.decode_images(latents).to(images)
        total, parts = self.loss(decoded, images, step)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        parts |= {"kl": kl.detach(), "psnr": mean_psnr(decoded.detach(), images)}
        return Losses(total=total + self.settings.kl * kl, parts=parts)

    def preview(self, batch: Batch) -> Mapping[str, Tensor]:
        """The true frames and the decoded ones, from the middle of the posterior."""
        video = batch["video"]
        images = rearrange(video, "b c t h w -> (b t) c h w")
        decoded = self.autoencoder.decode_images(self.autoencoder.encode(images).mean)
        frames = rearrange(decoded, "(b t) c h w -> b c t h w", t=video.shape[2])
        return {"true": video, "decoded": frames.float().clamp(-1, 1)}

    def _choose(self, batch: Batch) -> tuple[Tensor, Draws]:
        """Images n c h w of a batch, and the draws to continue with."""
        video, draws = cast(Tensor, batch["video"]), Draws(batch["seeds"])
        size = video.shape[2:]
        asked = self.settings.frames_per_clip, self.settings.crop_height, self.settings.crop_width
        if any(wanted > found for wanted, found in zip(asked, size, strict=True)):
            raise TrainingError(
                f"{asked[0]} frames and a crop of {asked[2]}x{asked[1]} pixels were asked for, the "
                f"clips have {size[0]} frames of {size[2]}x{size[1]}."
            )
        count, height, width = (wanted or found for wanted, found in zip(asked, size, strict=True))
        frames = draws.normal(size[0]).argsort(dim=1)[:, :count]
        tops, lefts = draws.integers(size[1] - height + 1), draws.integers(size[2] - width + 1)
        images = [
            clip[:, chosen, top : top + height, left : left + width]
            for clip, chosen, top, left in zip(
                video, frames.to(video.device), tops.tolist(), lefts.tolist(), strict=True
            )
        ]
        chosen = rearrange(torch.stack(images), "b c k h w -> (b k) c h w")
        return chosen.contiguous(memory_format=torch.channels_last), draws
