"""Tiny model files as people have them: whole, pruned, encoders apart; and wrong ones.

Imported only by tests in `tests/comfyui`: the encoders are written by ComfyUI's own converters.
"""

from collections.abc import Mapping
from pathlib import Path

import comfy.clip_vision
import comfy.utils
from safetensors.torch import save_file
from torch import Tensor

from golden.recipe import make_state_dict
from support.checkpoints import tiny_tensors

FULL = "tiny.safetensors"
PRUNED = "tiny-pruned.safetensors"
TEXT_ENCODER = "tiny-text.safetensors"
IMAGE_ENCODER = "tiny-image.safetensors"
OPEN_CLIP = "tiny-open_clip.safetensors"

TEXT_PREFIX, IMAGE_PREFIX = "cond_stage_model.model.", "embedder.model."


def save(tensors: Mapping[str, Tensor], path: Path) -> Path:
    """Write a safetensors file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return path


def open_clip_tensors(prefix: str) -> dict[str, Tensor]:
    """One encoder of the tiny model under OpenCLIP's own keys."""
    tensors = tiny_tensors(with_buffers=False)
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def text_in_hugging_face_layout() -> dict[str, Tensor]:
    """The tiny text encoder as ComfyUI's text encoder files have it."""
    converted = comfy.utils.clip_text_transformers_convert(open_clip_tensors(TEXT_PREFIX), "", "")
    return {key: v for key, v in converted.items() if key.startswith("text_model.")}


def image_in_hugging_face_layout() -> dict[str, Tensor]:
    """The tiny image encoder as ComfyUI's image encoder files have it."""
    tensors = open_clip_tensors(IMAGE_PREFIX)
    visual = {k.removeprefix("visual."): v for k, v in tensors.items() if k.startswith("visual.")}
    return comfy.clip_vision.convert_to_transformers(visual, "")


def stock(models: Path) -> None:
    """Put every right file into ComfyUI's model folders."""
    save(tiny_tensors(), models / "checkpoints" / FULL)
    save(tiny_tensors(with_encoders=False), models / "checkpoints" / PRUNED)
    save(text_in_hugging_face_layout(), models / "text_encoders" / TEXT_ENCODER)
    save(open_clip_tensors(TEXT_PREFIX), models / "text_encoders" / OPEN_CLIP)
    save(image_in_hugging_face_layout(), models / "clip_vision" / IMAGE_ENCODER)
    save(open_clip_tensors(IMAGE_PREFIX), models / "clip_vision" / OPEN_CLIP)


# Files of other models, known by the shapes that distinguish them


def stable_diffusion_1() -> dict[str, Tensor]:
    """A little of a Stable Diffusion 1.5 checkpoint."""
    return make_state_dict(
        "sd15",
        {
            "model.diffusion_model.input_blocks.0.0.weight": [320, 4, 3, 3],
            "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [
                320, 768,
            ],
            "first_stage_model.encoder.conv_in.weight": [128, 3, 3, 3],
            "cond_stage_model.transformer.text_model.final_layer_norm.weight": [768],
        },
    )  # fmt: skip


def clip_large_text() -> dict[str, Tensor]:
    """A little of CLIP-L's text encoder, which Stable Diffusion 1 uses."""
    return make_state_dict(
        "clip-l",
        {
            "text_model.embeddings.token_embedding.weight": [100, 768],
            "text_model.embeddings.position_embedding.weight": [77, 768],
            "text_model.encoder.layers.0.layer_norm1.weight": [768],
        },
    )


def clip_image(width: int) -> dict[str, Tensor]:
    """A little of a CLIP image encoder of another width: 1024 is ViT-L, 1664 is ViT-bigG."""
    return make_state_dict(
        "clip-vision",
        {
            "vision_model.embeddings.patch_embedding.weight": [width, 3, 14, 14],
            "vision_model.embeddings.position_embedding.weight": [257, width],
            "vision_model.encoder.layers.0.layer_norm1.weight": [width],
        },
    )
