"""What CONDITIONING carries for the denoiser, and what is refused before the first step.

Legend: b batch, c channels, h w space.
"""

from typing import Any

from torch import Tensor

from ...tooncrafter_core.config.model import ModelConfig
from ...tooncrafter_core.errors import KeyframeError, ModelMismatchError
from .clips.request import refuse_other_space, request_of
from .control import refuse_other_controls
from .latent_space import LatentSpace

IMAGE_FEATURES = "tooncrafter_image_features"
"""Key in CONDITIONING: image encoder tokens (b, n, c) of the first keyframe, or of mid-grey."""
KEYFRAME_LATENTS = "tooncrafter_keyframe_latents"
"""Key in CONDITIONING: latents of both keyframes, b 4 2 h w, in the autoencoder's scale."""
MOTION_FPS = "tooncrafter_motion_fps"
TOKEN_MODE = "tooncrafter_token_mode"


def check_conditioning(
    given: dict[str, Any], noise: Tensor, config: ModelConfig, space: LatentSpace | None = None
) -> None:
    """Refuse, before the first step, what would fail in the network or draw nonsense."""
    refuse_other_controls(given.get("control"))
    if KEYFRAME_LATENTS not in given or IMAGE_FEATURES not in given:
        raise KeyframeError(
            "This conditioning has no keyframes. Put 'ToonCrafter Keyframes' between the text "
            "encoders and the sampler, on positive and negative both."
        )
    if (request := request_of(given)) is not None:
        refuse_other_space(request, "MODEL", space)
    channels = config.autoencoder.embed_dim
    if noise.ndim != 5 or noise.shape[1] != channels or noise.shape[2] < 2:
        raise KeyframeError(
            f"The LATENT has the shape {tuple(noise.shape)}, ToonCrafter needs a clip (batch, "
            f"{channels}, 2 or more frames, height, width). Connect the LATENT of 'ToonCrafter "
            "Keyframes'."
        )
    keyframes, cell = given[KEYFRAME_LATENTS], config.autoencoder.downsampling
    if keyframes.shape[-2:] != noise.shape[-2:]:
        raise KeyframeError(
            f"The LATENT is {noise.shape[-1] * cell}x{noise.shape[-2] * cell} pixels, the "
            f"keyframes are {keyframes.shape[-1] * cell}x{keyframes.shape[-2] * cell}. Connect the "
            "LATENT of the same 'ToonCrafter Keyframes' node as the conditioning."
        )
    width = given["cross_attn"].shape[-1]
    if width != config.unet.context_dim:
        raise ModelMismatchError(text_encoder_mismatch(width, config))
    width = given[IMAGE_FEATURES].shape[-1]
    if width != config.resampler.embedding_dim:
        raise ModelMismatchError(image_encoder_mismatch(width, config))


TEXT_ENCODERS = {768: "CLIP-L (Stable Diffusion 1)", 1280: "CLIP-G", 2048: "SDXL", 4096: "T5"}
IMAGE_ENCODERS = {768: "ViT-B", 1024: "ViT-L", 1408: "ViT-g", 1664: "ViT-bigG"}


def text_encoder_mismatch(width: int, config: ModelConfig) -> str:
    """What to say when prompts were encoded by another text encoder."""
    name = TEXT_ENCODERS.get(width, "another text encoder")
    return (
        f"The prompt was encoded by {name} ({width} values a token), this ToonCrafter needs "
        f"{config.unet.context_dim}. Use the CLIP of 'Load ToonCrafter', or load the text encoder "
        "of Stable Diffusion 2.1 (ViT-H) with type stable_diffusion."
    )


def image_encoder_mismatch(width: int, config: ModelConfig) -> str:
    """What to say when the keyframe was encoded by another image encoder."""
    name = IMAGE_ENCODERS.get(width, "another image encoder")
    return (
        f"The keyframe was encoded by {name} ({width} values a token), this ToonCrafter needs "
        f"{config.resampler.embedding_dim}. Use the CLIP_VISION of 'Load ToonCrafter', or load "
        "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors."
    )
