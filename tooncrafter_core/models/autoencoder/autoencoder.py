"""The autoencoder: images to latents and references, latents and references to video.

Legend: b batch, n images, r references (2), t frames, c channels, h w space.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from ...config.model import AutoencoderConfig
from ...layers.operations import TORCH_OPERATIONS, Operations
from ..initialization import init_layers, zero
from ..motion.port import WarpListener
from .decoder import DualReferenceDecoder
from .encoder import Encoder

LOG_VARIANCE_RANGE = (-30.0, 20.0)
FIRST_LOG_VARIANCE = -6.0
"""Of the latents of an encoder before training."""


class Posterior(NamedTuple):
    """The Gaussian over an image's latents, and the encoder's features."""

    mean: Tensor
    """n 4 h/8 w/8."""
    log_variance: Tensor
    """n 4 h/8 w/8."""
    features: list[Tensor]
    """n c h w, one a level and those of the first convolution."""

    def sample(self, noise: Tensor) -> Tensor:
        """Draw latents with standard normal ``noise`` of the mean's shape."""
        return self.mean + torch.exp(0.5 * self.log_variance) * noise.to(self.mean)


class Autoencoder(nn.Module):
    """The first stage of ToonCrafter (SPEC section 6)."""

    def __init__(
        self,
        config: AutoencoderConfig,
        *,
        operations: Operations = TORCH_OPERATIONS,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        factory = {"dtype": dtype, "device": device}
        z = config.z_channels
        self.encoder = Encoder(config, operations, **factory)
        self.decoder = DualReferenceDecoder(config, operations, **factory)
        self.quant_conv = operations.Conv2d(z * 2, config.embed_dim * 2, 1, **factory)
        # In the checkpoint, but this decoder was trained without it (SPEC section 6.2).
        self.post_quant_conv = operations.Conv2d(config.embed_dim, z, 1, **factory)

    def encode(self, images: Tensor) -> Posterior:
        """Encode n 3 h w images in [-1, 1]; h and w multiples of 8."""
        moments, features = self.encoder(images)
        mean, log_variance = self.quant_conv(moments).chunk(2, dim=1)
        return Posterior(mean, log_variance.clamp(*LOG_VARIANCE_RANGE), features)

    def decode_images(self, z: Tensor) -> Tensor:
        """Decode n 4 h w latents to n 3 8h 8w, each alone and without references."""
        return self.decoder.decode_images(z)

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Fill the network to train it from nothing; CPU ``generator``.

        The encoder begins nearly sure of its latents: with more noise it does not begin to learn.
        """
        init_layers(self, generator)
        self.decoder.init_video_parts()
        for conv in (self.quant_conv, self.post_quant_conv):
            zero(conv)
            nn.init.dirac_(conv.weight)
        bias = cast(Tensor, self.quant_conv.bias)
        bias[self.config.embed_dim :].fill_(FIRST_LOG_VARIANCE)

    def decode(
        self,
        z: Tensor,
        references: Sequence[Tensor] | None = None,
        chunk: int = 4,
        listener: WarpListener | None = None,
    ) -> Tensor:
        """Decode b 4 t h w latents to b 3 t 8h 8w; see ``DualReferenceDecoder``."""
        return self.decoder(z, references, chunk, listener)


def references_from(features: Sequence[Tensor], batch: int = 1) -> list[Tensor]:
    """Turn encoder features of (b r) images, first and last of each clip, into b c r h w."""
    return [rearrange(feature, "(b r) c h w -> b c r h w", b=batch) for feature in features]
