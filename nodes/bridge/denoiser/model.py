"""The denoiser and the projector as a ComfyUI MODEL.

Legend: b batch, t frames, c channels, h w space, l tokens.
"""

from collections.abc import Callable
from typing import Any, ClassVar, cast

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import comfy.supported_models_base
import torch
from torch import Tensor

from ....tooncrafter_core.checkpoints import Checkpoint, Component, load_component
from ....tooncrafter_core.checkpoints.keys import select
from ....tooncrafter_core.checkpoints.latent_colours import LatentColours, stored_latent_rgb
from ....tooncrafter_core.conditioning.build import (
    frame_image_tokens,
    motion_fps_vector,
    place_keyframes,
)
from ....tooncrafter_core.config.model import ModelConfig
from ....tooncrafter_core.device.memory import DENOISER_WORKSPACE, denoiser_bytes
from ....tooncrafter_core.device.precision import inference_dtypes
from ....tooncrafter_core.models.projector import Resampler
from ..conditioning import (
    IMAGE_FEATURES,
    KEYFRAME_LATENTS,
    MOTION_FPS,
    TOKEN_MODE,
    check_conditioning,
)
from ..latent_space import LatentSpace, latent_space
from ..patchers import choose_dtypes, loads_again, make_patcher, reopener
from ..sampling_model import ToonCrafterModelSampling
from ..saving import OfficialLayout, complete_file
from ..unknown import note_unknown
from .block_patches import refuse_context_windows
from .network import CONFIG, HostDenoiser


class ToonCrafterLatentFormat(comfy.latent_formats.SD15):
    """Stable Diffusion's latents, as clips b c t h w."""

    latent_dimensions = 3

    def __init__(self, scale_factor: float = 0.18215, colours: LatentColours | None = None) -> None:
        """``colours`` of previews that a checkpoint brings; without, Stable Diffusion's."""
        super().__init__(scale_factor)
        if colours is not None:
            self.latent_rgb_factors = [list(colour) for colour in colours.factors]
            self.latent_rgb_factors_bias = list(colours.bias)
        # ComfyUI's TAESD preview fails on clips.
        self.taesd_decoder_name = None


class ToonCrafterModelConfig(OfficialLayout, comfy.supported_models_base.BASE):
    """The configuration that ComfyUI needs before a model is built."""

    unet_config: ClassVar[dict[str, Any]] = {}
    unet_extra_config: ClassVar[dict[str, Any]] = {}
    latent_format: Any = ToonCrafterLatentFormat

    def __init__(self, unet_config: dict[str, Any]) -> None:
        super().__init__(unet_config)
        self.tooncrafter = self.unet_config[CONFIG]
        self.supported_inference_dtypes = inference_dtypes(self.tooncrafter)


class ToonCrafterModel(comfy.model_base.BaseModel):
    """Denoiser and projector with their schedule."""

    def __init__(self, config: ToonCrafterModelConfig, device: Any = None) -> None:
        kind = comfy.model_base.ModelType.V_PREDICTION
        # ComfyUI names its own network as the type, and takes any with its call.
        network = cast(Any, HostDenoiser)
        super().__init__(config, kind, device=device, unet_model=network)
        denoiser = cast(HostDenoiser, self.diffusion_model)
        self.tooncrafter = config.tooncrafter
        self.reopen: Callable[[], Checkpoint] | None = None
        """Gives the file that the weights come from."""
        self.latent_space: LatentSpace | None = None
        self.model_sampling = ToonCrafterModelSampling(self.tooncrafter.diffusion)
        # The projector runs once a sampling and is managed with the denoiser.
        self.image_proj_model = Resampler(
            self.tooncrafter.resampler,
            operations=denoiser.operations,
            dtype=denoiser.dtype,
            device=device,
        )

    def state_dict_for_saving(self, *arguments: Any, **parts: Any) -> dict[str, Tensor]:
        """Every tensor of a complete file of this model, in the published layout.

        ComfyUI gives the parts that it was asked to save; which, and in what order, its versions
        differ in.
        """
        saved = super().state_dict_for_saving(*arguments, **parts)
        if self.reopen is None:
            raise RuntimeError("The model does not know what file it was loaded from.")
        projector = self.image_proj_model.state_dict()
        return complete_file(saved, projector, self.tooncrafter, self.reopen)

    def extra_conds(self, **given: Any) -> dict[str, Any]:
        """Turn what CONDITIONING carries into inputs of the denoiser, once a sampling."""
        noise: Tensor = given["noise"]
        check_conditioning(given, noise, self.tooncrafter, self.latent_space)
        refuse_context_windows(self.current_patcher, noise)
        cast(HostDenoiser, self.diffusion_model).block_patches.begin()
        latents = self.process_latent_in(given[KEYFRAME_LATENTS]).to(noise.device)
        num_frames = noise.shape[2]
        tokens = frame_image_tokens(
            self._project(given[IMAGE_FEATURES], given["device"]),
            self.tooncrafter.resampler.num_queries,
            num_frames,
            given.get(TOKEN_MODE, "per_frame"),
        )
        clip = place_keyframes(latents, num_frames, self.tooncrafter.unet)
        conds = {
            "c_concat": comfy.conds.CONDNoiseShape(clip),
            "c_crossattn": comfy.conds.CONDCrossAttn(given["cross_attn"]),
            "image_context": comfy.conds.CONDRegular(tokens),
            "fps": comfy.conds.CONDRegular(motion_fps_vector(given[MOTION_FPS], tokens[:1])),
        }
        if given.get("cross_attn_controlnet") is not None:
            text = comfy.conds.CONDCrossAttn(given["cross_attn_controlnet"])
            conds["crossattn_controlnet"] = text
        return conds

    def _project(self, features: Tensor, device: Any) -> Tensor:
        """Image context tokens of image encoder tokens; every frame's 16, frame by frame."""
        dtype = self.manual_cast_dtype or self.get_dtype()
        tokens = self.image_proj_model(features.to(device=device, dtype=dtype))
        return tokens.to(comfy.model_management.intermediate_device())

    def memory_required(
        self, input_shape: Any, cond_shapes: Any = None, **unknown: object
    ) -> float:
        """Bytes a forward pass takes besides the weights, from counted figures."""
        note_unknown("the estimate of memory", unknown)
        batch, _, frames, height, width = input_shape
        dtype = self.manual_cast_dtype or self.get_dtype()
        itemsize = comfy.model_management.dtype_size(dtype)
        live = denoiser_bytes(self.tooncrafter.unet, batch, frames, height, width, itemsize)
        return live * DENOISER_WORKSPACE


def load_model(
    checkpoint: Checkpoint,
    config: ModelConfig,
    weight_dtype: torch.dtype | None,
    *,
    disable_dynamic: bool = False,
) -> comfy.model_patcher.ModelPatcher:
    """Build the MODEL of a checkpoint; its weights are copies, whatever happens to the file.

    ``weight_dtype`` None lets ComfyUI choose what the device computes in. ``disable_dynamic`` is
    ComfyUI's word for weights that are loaded before a run and not during it.
    """
    keys = select(checkpoint.info, Component.DENOISER).values()
    size = sum(checkpoint.info[key].numel for key in keys)
    dtypes = choose_dtypes(size, inference_dtypes(config), weight_dtype)
    host_config = ToonCrafterModelConfig(
        {CONFIG: config, "model_channels": config.unet.model_channels}
    )
    host_config.latent_format = ToonCrafterLatentFormat(
        config.diffusion.latent_scale,
        stored_latent_rgb(checkpoint.metadata, config.autoencoder.embed_dim, checkpoint.name),
    )
    host_config.set_inference_dtype(dtypes.weights, dtypes.manual_cast)
    model = ToonCrafterModel(host_config, device="meta")
    model.reopen = reopener(checkpoint)
    model.latent_space = latent_space(checkpoint)
    load_component(model.diffusion_model, checkpoint, Component.DENOISER, dtype=dtypes.weights)
    load_component(model.image_proj_model, checkpoint, Component.PROJECTOR, dtype=dtypes.weights)
    if comfy.model_management.force_channels_last():
        # ComfyUI has asked for it before there were weights.
        cast(HostDenoiser, model.diffusion_model).to(memory_format=torch.channels_last)
    patcher = make_patcher(model, is_static=disable_dynamic)
    loads_again(patcher, load_model, checkpoint, config, weight_dtype)
    return patcher
