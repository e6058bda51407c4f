"""The autoencoder with the calls that ComfyUI's own VAE makes.

Legend: b batch, n images, t frames, c channels, h w space.
"""

import functools

import comfy.ops
import torch
from einops import rearrange
from torch import Tensor, nn

from ....tooncrafter_core.config.model import AutoencoderConfig
from ....tooncrafter_core.interpolation.decoding import DecodeEvents, DecodePlan, decode_video
from ....tooncrafter_core.models.autoencoder.autoencoder import Autoencoder
from ..operations import HostOperations
from ..patchers import is_out_of_memory
from ..unknown import note_unknown


class HostAutoencoder(nn.Module):
    """The autoencoder with the calls ComfyUI's own VAE makes; its keys are the checkpoint's."""

    def __init__(self, config: AutoencoderConfig, dtype: torch.dtype) -> None:
        super().__init__()
        # Always casting: the last convolution is no leaf module, so partial loading leaves its
        # weights where they are.
        operations = HostOperations(comfy.ops.manual_cast)
        network = Autoencoder(config, operations=operations, dtype=dtype, device="meta")
        self.config = config
        for name, child in network.named_children():
            self.add_module(name, child)
        # Kept out of the module tree, where its weights would be listed twice.
        self._network = (network,)

    @property
    def network(self) -> Autoencoder:
        """The core's autoencoder, which shares these layers."""
        return self._network[0]

    def encode(self, pixels: Tensor, **unknown: object) -> Tensor:
        """Most likely latents of images n c h w or of the frames of clips b c t h w, one by one."""
        note_unknown("the encoder", unknown)
        if pixels.ndim == 4:
            return torch.cat([self.network.encode(image[None]).mean for image in pixels])
        frames = rearrange(pixels, "b c t h w -> (b t) c h w")
        return rearrange(self.encode(frames), "(b t) c h w -> b c t h w", b=pixels.shape[0])

    def decode(self, latents: Tensor, **unknown: object) -> Tensor:
        """Decode clips without references; images n c h w as clips of one frame."""
        note_unknown("the decoder", unknown)
        if latents.ndim == 4:
            return self.decode(latents[:, :, None])[:, :, 0]
        return decode_video(
            functools.partial(_decode_without_references, self.network),
            latents,
            DecodePlan(second_pass=False),
            DecodeEvents(is_out_of_memory=is_out_of_memory),
        )


def _decode_without_references(network: Autoencoder, latents: Tensor, chunk: int) -> Tensor:
    return network.decode(latents, None, chunk)
