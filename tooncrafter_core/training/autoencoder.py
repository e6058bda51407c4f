"""Stage ``autoencoder``: the encoder and the plain image decoder, from nothing, for small models.

The published model took both from Stable Diffusion. What is trained here has the same keys: the
image decoder is the dual-reference decoder without what reads references and joins frames, and the
stage ``decoder`` goes on from it.

Legend: b batch, n images, c channels, t frames, k frames of a clip that are used, h w space.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ..checkpoints.keys import COMPONENT_KEYS, Component
from ..errors import ToonCrafterError
from ..models.autoencoder import Autoencoder
from .draws import Draws
from .groups import Group
from .reconstruction import ReconstructionLoss, ReconstructionSettings, psnr
from .stage import Batch, Losses, Stage

_VIDEO_ONLY = re.compile(r"^decoder\.attn_refinement\.|\.(time_stack|mix_factor|time_mix_conv)\b")
_UNUSED = "post_quant_conv."


@dataclass(frozen=True, kw_only=True)
class AutoencoderSettings:
    """How the autoencoder is trained from nothing; no source states values, these are ours."""

    loss: ReconstructionSettings = ReconstructionSettings(l1=1.0, mse=3.0, lpips=0.0)
    kl: float = 1e-5
    """Weight of the posterior's distance to a standard normal, mean over the latents' numbers."""
    frames_per_clip: int = 1
    """Frames that are used of each clip, drawn at random: neighbours teach little new."""
    crop_width: int = 0
    """Width of the part of a frame that is used, drawn at random; 0 takes all of it."""
    crop_height: int = 0


class AutoencoderStage(Stage):
    """Learns to encode and decode single frames."""

    autoencoder: Autoencoder

    def __init__(
        self,
        networks: Mapping[Component, nn.Module],
        settings: AutoencoderSettings | None = None,
        learn: tuple[Group, ...] = (Group.ENCODER, Group.DECODER),
    ) -> None:
        """``MissingWeightsError`` when the settings ask for LPIPS and its weights are not there."""
        super().__init__(networks, learn)
        self.settings = settings or AutoencoderSettings()
        self.loss = ReconstructionLoss(self.settings.loss)
        # The order of axes that convolutions of few channels are quickest in, on CPU and GPU.
        for layer in self.autoencoder.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)

    def learners(self, player: str) -> Iterator[tuple[str, nn.Parameter]]:
        """What takes part in single frames."""
        prefix = COMPONENT_KEYS[Component.AUTOENCODER].prefix
        for key, parameter in super().learners(player):
            own = key.removeprefix(prefix)
            if not (_VIDEO_ONLY.search(own) or own.startswith(_UNUSED)):
                yield key, parameter

    def forward(self, player: str, batch: Batch, step: int) -> Losses:
        """See ``Stage``."""
        images, draws = self._choose(batch)
        posterior = self.autoencoder.encode(images)
        mean, log_variance = (
            x.to(images) for x in (posterior.mean, posterior.log_variance)
        )
        noise = draws.normal(self.settings.frames_per_clip, *mean.shape[1:])
        noise = rearrange(noise, "b k c h w -> (b k) c h w")
        latents = mean + torch.exp(0.5 * log_variance) * noise.to(mean)
        decoded = self.autoencoder.decode_images(latents).to(images)
        total, parts = self.loss(decoded, images, step)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        parts |= {"kl": kl.detach(), "psnr": psnr(decoded.detach(), images)}
        return Losses(total=total + self.settings.kl * kl, parts=parts)

    def preview(self, batch: Batch) -> Mapping[str, Tensor]:
        """The true frames and the decoded ones, from the middle of the posterior."""
        video = batch["video"]
        images = rearrange(video, "b c t h w -> (b t) c h w")
        decoded = self.autoencoder.decode_images(self.autoencoder.encode(images).mean)
        frames = rearrange(decoded, "(b t) c h w -> b c t h w", t=video.shape[2])
        return {"true": video, "decoded": frames.float().clamp(-1, 1)}

    def _choose(self, batch: Batch) -> tuple[Tensor, Draws]:
        """Images n c h w of a batch, and the draws to go on with."""
        video, draws = cast(Tensor, batch["video"]), Draws(batch["seeds"])
        size = video.shape[2:]
        asked = self.settings.frames_per_clip, self.settings.crop_height, self.settings.crop_width
        if any(wanted > found for wanted, found in zip(asked, size, strict=True)):
            raise ToonCrafterError(
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
