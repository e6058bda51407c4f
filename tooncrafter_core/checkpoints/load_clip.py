"""The whole of CLIP from a ToonCrafter checkpoint or from a file of its own."""

from pathlib import Path
from typing import Any, cast

import torch

from ..config.model import ModelConfig, ResamplerConfig, UNetConfig
from ..errors import CheckpointError
from ..models.clip.encoders import ImageEncoder, TextEncoder
from ..models.clip.similarity import ClipModel, has_every_layer
from .convert_encoders import encoder_checkpoint
from .detect import component_shapes, detect_component_files
from .files.read import Checkpoint, read_checkpoint
from .keys import Component
from .load import build_network, load_component
from .shapes import detect_image_encoder, detect_text_encoder


def load_clip_model(path: str | Path, *, dtype: torch.dtype | None = None) -> ClipModel:
    """CLIP's towers from a ToonCrafter checkpoint or a CLIP file (OpenCLIP or Hugging Face).

    ``dtype`` None keeps what the file has. ``CheckpointError`` for a file that cannot be read, that
    has no image encoder, or one without its final projection.
    """
    path = Path(path)
    file = read_checkpoint(path)
    found = {f.component: f.width for f in detect_component_files(file)}
    if Component.IMAGE_ENCODER not in found:
        raise CheckpointError(
            f"'{path.name}' holds no CLIP image encoder, which comparing by CLIP needs. Name "
            "ToonCrafter's model.ckpt or CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors."
        )
    towers = {part: _load(file, part, width, dtype) for part, width in found.items()}
    image_encoder = cast(ImageEncoder, towers[Component.IMAGE_ENCODER])
    if not image_encoder.visual.proj.any():
        raise CheckpointError(
            f"The CLIP image encoder of '{path.name}' has no final projection (visual.proj); "
            "name a file of the whole CLIP model."
        )
    text_encoder = cast(TextEncoder | None, towers.get(Component.TEXT_ENCODER))
    if text_encoder is not None and not has_every_layer(text_encoder):
        text_encoder = None
    return ClipModel(image_encoder, text_encoder, path.name)


def _load(file: Checkpoint, component: Component, width: int, dtype: torch.dtype | None) -> Any:
    """One tower, frozen; any width will do, as it need not fit a ToonCrafter."""
    any_size = ModelConfig(
        unet=UNetConfig(context_dim=width), resampler=ResamplerConfig(embedding_dim=width)
    )
    encoder = encoder_checkpoint(file, component, any_size)
    shapes = component_shapes(encoder.shapes, component)
    if component is Component.TEXT_ENCODER:
        config = ModelConfig(text_encoder=detect_text_encoder(shapes, None))
    else:
        config = ModelConfig(image_encoder=detect_image_encoder(shapes, None))
    network = build_network(component, config, encoder)
    load_component(network, encoder, component, dtype=dtype)
    return network.eval().requires_grad_(False)
