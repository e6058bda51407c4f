"""The autoencoder as a ComfyUI VAE that can also decode with references.

Legend: b batch, n images, t frames, c channels, h w space.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.sd
import torch
from comfy.ldm.models.autoencoder import AutoencoderKL
from torch import Tensor

from ....tooncrafter_core.checkpoints import Checkpoint, Component, load_component
from ....tooncrafter_core.config.model import ModelConfig
from ....tooncrafter_core.device.memory import (
    TileSize,
    choose_chunk,
    decode_bytes,
    encode_bytes,
    tile_within,
    tiled_bytes,
)
from ....tooncrafter_core.device.precision import inference_dtypes
from ....tooncrafter_core.errors import ModelMismatchError
from ....tooncrafter_core.interpolation.decoding import (
    DEFAULT_CHUNK,
    DecodeEvents,
    DecodePlan,
    decode_with_references,
)
from ....tooncrafter_core.interpolation.tiling import log_tiles
from ....tooncrafter_core.models.autoencoder.autoencoder import (
    Posterior,
    references_from,
)
from ..latent_space import latent_space
from ..patchers import (
    arranged_when_loaded,
    is_out_of_memory,
    loads_again,
    patcher_of,
    without_overflow,
)
from ..unknown import note_unknown
from .network import HostAutoencoder

logger = logging.getLogger(__name__)

WORKSPACE = 1.2
"""Allocator slack and kernel workspace on top of counted live bytes."""

MEBIBYTE = 2**20


class ToonCrafterVAE(comfy.sd.VAE):
    """ComfyUI's VAE with clips, the keyframes' posterior and the dual-reference decoder."""

    def __init__(self, checkpoint: Checkpoint, model: ModelConfig) -> None:
        # A toy of the ordinary kind fills in whatever this version of ComfyUI keeps in a VAE.
        toy = {"ddconfig": _TOY, "embed_dim": 4}
        super().__init__(sd=AutoencoderKL(**toy).state_dict(), config={"params": toy})
        config = model.autoencoder
        self.config = config
        self.latent_space = latent_space(checkpoint)
        self.size_multiple = model.size_multiple
        """Sides of what the denoiser can draw, in pixels, are multiples of this."""
        self.working_dtypes = inference_dtypes(config)
        chosen = comfy.model_management.vae_dtype(self.device, self.working_dtypes)
        self.vae_dtype = without_overflow(chosen, self.working_dtypes, self.device)
        self.latent_channels = config.z_channels
        self.latent_dim = 3
        sides = config.downsampling, config.downsampling
        self.downscale_ratio = self.upscale_ratio = (lambda frames: frames, *sides)
        self.downscale_index_formula = self.upscale_index_formula = (1, *sides)
        self.memory_used_encode = self._memory_used_encode
        self.memory_used_decode = self._memory_used_decode
        self.size = None

        network = HostAutoencoder(config, self.vae_dtype)
        load_component(network, checkpoint, Component.AUTOENCODER, dtype=self.vae_dtype)
        self.first_stage_model = network.eval().requires_grad_(False)
        self.patcher = arranged_when_loaded(
            comfy.model_patcher.ModelPatcher(
                self.first_stage_model,
                load_device=self.device,
                offload_device=comfy.model_management.vae_offload_device(),
            )
        )
        again = patcher_of(ToonCrafterVAE, chooses_kind=False)
        loads_again(self.patcher, again, checkpoint, model)

    def _memory_used_encode(self, shape: Any, dtype: torch.dtype, **unknown: object) -> float:
        note_unknown("the encoder's estimate of memory", unknown)
        itemsize = comfy.model_management.dtype_size(dtype)
        return encode_bytes(self.config, 1, shape[-2], shape[-1], itemsize) * WORKSPACE

    def _memory_used_decode(
        self, shape: Any, dtype: torch.dtype, chunk: int = DEFAULT_CHUNK, **unknown: object
    ) -> float:
        note_unknown("the decoder's estimate of memory", unknown)
        itemsize = comfy.model_management.dtype_size(dtype)
        frames = shape[2] if len(shape) == 5 else 1
        height, width = (side * self.config.downsampling for side in shape[-2:])
        return decode_bytes(self.config, frames, height, width, itemsize, chunk) * WORKSPACE

    def _load(self, memory: float) -> None:
        comfy.model_management.load_models_gpu([self.patcher], memory_required=int(memory))

    @torch.no_grad()
    def encode_keyframes(self, images: Tensor) -> Posterior:
        """Latents' posterior and features of images n 3 h w in [-1, 1], on the device."""
        itemsize = comfy.model_management.dtype_size(self.vae_dtype)
        needed = encode_bytes(
            self.config, images.shape[0], images.shape[2], images.shape[3], itemsize
        )
        self._load(needed * WORKSPACE)
        pixels = images.to(device=self.device, dtype=self.vae_dtype)
        return self.first_stage_model.network.encode(pixels)

    def encode_frames(self, images: Tensor) -> Tensor:
        """The likeliest latents of frames t 3 h w in [-1, 1] as one clip, 1 4 t h/8 w/8.

        One by one, and where ComfyUI keeps results.
        """
        means = [self.encode_keyframes(image[None]).mean for image in images]
        return torch.stack([mean.to(self.output_device).float() for mean in means], dim=2)

    @torch.no_grad()
    def decode_with_references(
        self,
        latents: Tensor,
        images: Tensor,
        *,
        second_pass: bool,
        budget: int | None,
        on_tiles: Callable[[TileSize], None] | None = None,
    ) -> Tensor:
        """Decode b 4 t h w latents with the detail of the first and last image.

        Args:
            latents: in the autoencoder's own scale, as a LATENT holds them.
            images: first and last image of every clip, (b 2) 3 8h 8w in [-1, 1].
            second_pass: whether to decode the middle frames again as the reference does.
            budget: bytes to stay within; None takes what the device has free.
            on_tiles: allows tiles where not even one frame fits, which is approximate; called
                with their size.

        Returns:
            b 3 t 8h 8w in [-1, 1], float32, where ComfyUI keeps results.
        """
        itemsize = comfy.model_management.dtype_size(self.vae_dtype)
        frames, height, width = latents.shape[2], *images.shape[2:]
        size = (frames, height, width)
        tile = None if on_tiles is None else tile_within(self.config, size, itemsize, budget)
        smallest = WORKSPACE * (
            decode_bytes(self.config, *size, itemsize, 1)
            if tile is None
            else tiled_bytes(self.config, *size, itemsize, tile)
        )
        default = self._memory_used_decode(latents.shape, self.vae_dtype)
        self._load(default if budget is None else max(smallest, min(default, budget)))
        free = cast(int, comfy.model_management.get_free_memory(self.device))
        limit = int((budget or free) / WORKSPACE)
        chunk = choose_chunk(self.config, size, itemsize, limit)
        if on_tiles is not None:
            tile = tile_within(self.config, size, itemsize, budget or free)
        posterior = self.first_stage_model.network.encode(
            images.to(device=self.device, dtype=self.vae_dtype)
        )
        references = references_from(posterior.features, batch=latents.shape[0])

        plan = DecodePlan(
            second_pass=second_pass, chunk=chunk, allows_tiles=on_tiles is not None, tile=tile
        )
        events = DecodeEvents(
            is_out_of_memory=is_out_of_memory,
            on_retreat=lambda _: comfy.model_management.soft_empty_cache(),
            on_tiles=on_tiles or log_tiles,
        )
        network, z = self.first_stage_model.network, latents.to(self.device, self.vae_dtype)
        try:
            video = decode_with_references(network, z, references, plan, events)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            # Of the host's class, by which it knows to unload its models.
            raise comfy.model_management.OOM_EXCEPTION(
                f"There is not enough memory to decode {frames} frames of {width}x{height} pixels, "
                "even one at a time. Set 'tiles' of 'ToonCrafter Decode' to 'when needed', ask "
                "'ToonCrafter Keyframes' for a smaller width and height or fewer frames, or close "
                "other programs that use the device."
            ) from None
        return video.to(self.output_device).float()


_TOY: dict[str, Any] = {
    "double_z": True, "z_channels": 4, "resolution": 8, "in_channels": 3, "out_ch": 3, "ch": 32,
    "ch_mult": [1], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0,
}  # fmt: skip


def require_tooncrafter(vae: object) -> ToonCrafterVAE:
    """Check that a VAE is ours before anything is computed with it."""
    if isinstance(vae, ToonCrafterVAE):
        return vae
    raise ModelMismatchError(
        f"This VAE is a {type(vae).__name__} of another model; only the VAE of 'Load ToonCrafter' "
        "can decode with references. Connect that one."
    )
