"""Training clips encoded by the frozen networks, each text and picture once.

Legend: b batch, t frames, c channels, h w space, l tokens.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ...models.autoencoder.autoencoder import Autoencoder
from ...models.clip.encoders import ImageEncoder, TextEncoder
from ..stage import Batch
from .draws import Draws

KEPT_TEXTS = 512
CHUNK, CPU_CHUNK = 16, 4
"""Frames encoded at a time, on a GPU and on a CPU."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EncodedClips:
    """Clips encoded by the frozen networks; a prepared batch contains this instead of pictures."""

    latent_mean: Tensor
    """``b 4 t h w``, of every frame's posterior, unscaled."""
    latent_log_variance: Tensor
    image_embedding: Tensor
    """``b l c``: the image encoder's tokens of the first frame."""

    def sample(self, draws: Draws, scale: float) -> Tensor:
        """The denoiser's latents ``b 4 t h w``, drawn from the posterior and scaled."""
        mean = self.latent_mean.float()
        noise = draws.normal(*mean.shape[1:]).to(mean)
        return (mean + torch.exp(0.5 * self.latent_log_variance.float()) * noise) * scale


@torch.no_grad()
def encode_clips(
    autoencoder: Autoencoder, image_encoder: ImageEncoder, video: Tensor
) -> EncodedClips:
    """Encode ``b 3 t h w`` frames in [-1, 1], some at a time."""
    batch = video.shape[0]
    # A CPU takes half the time when the data fits into its caches.
    chunk = CPU_CHUNK if video.device.type == "cpu" else CHUNK
    frames = rearrange(video, "b c t h w -> (b t) c h w")
    moments = [autoencoder.encode(part)[:2] for part in frames.split(chunk)]
    mean, log_variance = (
        rearrange(torch.cat(values), "(b t) c h w -> b c t h w", b=batch)
        for values in zip(*moments, strict=True)
    )
    return EncodedClips(
        latent_mean=mean,
        latent_log_variance=log_variance,
        # Frozen encoders may be in another half precision than autocast's, and they do not mix.
        image_embedding=image_encoder.encode(video[:, :, 0]).float(),
    )


def encoded_clips(
    batch: Batch, autoencoder: Autoencoder, image_encoder: ImageEncoder
) -> EncodedClips:
    """The encoded clips of a prepared batch, or the video of another one encoded now."""
    if "latent_mean" not in batch:
        return encode_clips(autoencoder, image_encoder, batch["video"])
    return EncodedClips(
        latent_mean=batch["latent_mean"],
        latent_log_variance=batch["latent_log_variance"],
        image_embedding=batch["image_embedding"],
    )


class TextCache:
    """Encodes captions with a frozen text encoder, each once; the least used are dropped."""

    def __init__(self, encoder: TextEncoder, size: int = KEPT_TEXTS) -> None:
        self._encoder, self._size = encoder, size
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    @torch.no_grad()
    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Tokens ``b l c`` of captions."""
        return torch.stack([self._encode(caption) for caption in captions])

    def _encode(self, caption: str) -> Tensor:
        if caption not in self._kept:
            self._kept[caption] = self._encoder.encode([caption])[0].float()
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        self._kept.move_to_end(caption)
        return self._kept[caption]
