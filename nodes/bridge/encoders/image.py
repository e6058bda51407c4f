"""The image encoder as a ComfyUI CLIP_VISION, from a full checkpoint or a file of its own."""

import json
import tempfile
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import comfy.clip_vision
import comfy.model_management
import torch
from torch import Tensor

from ....tooncrafter_core.checkpoints import (
    Checkpoint,
    Component,
    find_encoder,
    read_checkpoint,
)
from ....tooncrafter_core.config.model import ImageEncoderConfig, ModelConfig
from ....tooncrafter_core.errors import ModelMismatchError
from ....tooncrafter_core.models.clip.preprocess import preprocess_for_image_encoder
from ..patchers import loads_again, patcher_of
from .files import (
    count_layers,
    full_precision,
    own_tensors,
    refuse_mismatch,
)

_MID_GREY: WeakKeyDictionary[Any, Tensor] = WeakKeyDictionary()
"""Tokens of the unconditional picture by CLIP_VISION; they go with it."""


def load_image_encoder(
    checkpoint: Checkpoint, config: ImageEncoderConfig
) -> comfy.clip_vision.ClipVisionModel:
    """The checkpoint's image encoder as a CLIP_VISION (SPEC section 4)."""
    own = own_tensors(checkpoint, Component.IMAGE_ENCODER)
    tensors = {k.removeprefix("visual."): v for k, v in own.items() if k.startswith("visual.")}
    model = _build_clip_vision(checkpoint, tensors, config)
    loads_again(
        model.patcher, patcher_of(load_image_encoder, chooses_kind=False), checkpoint, config
    )
    return model


def load_image_encoder_file(path: Path, config: ModelConfig) -> comfy.clip_vision.ClipVisionModel:
    """An image encoder from a file of its own, alone or with its text encoder.

    Raises:
        CheckpointError: the file is another image encoder, or none.
    """
    return _load_encoder(read_checkpoint(path), config)


def _load_encoder(checkpoint: Checkpoint, config: ModelConfig) -> comfy.clip_vision.ClipVisionModel:
    encoder, own = find_encoder(checkpoint, Component.IMAGE_ENCODER, config)
    tensors = {
        key.removeprefix("visual."): value
        for key, value in own.items()
        if key.startswith(("vision_model.", "visual_projection", "visual."))
    }
    patches = next(v for v in tensors.values() if v.ndim == 4)
    layers = count_layers(tensors)
    positions = next(v for k, v in tensors.items() if "position" in k and v.ndim == 2)
    side = round((positions.shape[0] - 1) ** 0.5) * patches.shape[-1]
    model = _build_clip_vision(
        checkpoint,
        tensors,
        ImageEncoderConfig(
            width=encoder.width,
            head_width=80 if encoder.width == 1280 else 64,
            layers=layers,
            patch_size=patches.shape[-1],
            image_size=side,
            mlp_ratio=_hidden_width(tensors, encoder.width) / encoder.width,
            embed_dim=_projection_width(tensors, encoder.width),
        ),
    )
    loads_again(model.patcher, patcher_of(_load_encoder, chooses_kind=False), checkpoint, config)
    return model


def _hidden_width(tensors: dict[str, Tensor], width: int) -> int:
    """Width of a layer's feed-forward network, in either layout."""
    ends = ("layers.0.mlp.fc1.weight", "resblocks.0.mlp.c_fc.weight")
    found = (value.shape[0] for key, value in tensors.items() if key.endswith(ends))
    return next(found, 4 * width)


def _projection_width(tensors: dict[str, Tensor], width: int) -> int:
    if "visual_projection.weight" in tensors:
        return tensors["visual_projection.weight"].shape[0]
    return tensors["proj"].shape[1] if "proj" in tensors else width


def _build_clip_vision(
    checkpoint: Checkpoint, tensors: dict[str, Tensor], config: ImageEncoderConfig
) -> comfy.clip_vision.ClipVisionModel:
    """ComfyUI's CLIP_VISION of tensors in OpenCLIP's or Hugging Face's layout."""
    weights = comfy.clip_vision.convert_to_transformers(dict(tensors), "")
    if config.layers == 1:
        weights = with_passing_layer(weights)
    settings = {
        "attention_dropout": 0.0,
        "dropout": 0.0,
        "hidden_act": "gelu",
        "hidden_size": config.width,
        "image_size": config.image_size,
        "intermediate_size": int(config.width * config.mlp_ratio),
        "layer_norm_eps": 1e-5,
        "model_type": "clip_vision_model",
        "num_attention_heads": config.width // config.head_width,
        "num_channels": 3,
        "num_hidden_layers": max(config.layers, 2),
        "patch_size": config.patch_size,
        "projection_dim": config.embed_dim,
    }
    # The host takes its settings from a file only.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        model = comfy.clip_vision.ClipVisionModel(str(path))
    if precision := full_precision(weights):
        model.dtype = precision["dtype"]
        model.model.to(model.dtype)
    missing, left_over = model.load_sd(weights)
    refuse_mismatch(checkpoint, "image encoder", [*missing, *left_over])
    return model


_ONLY_LAYER, _SECOND_LAYER = "vision_model.encoder.layers.0.", "vision_model.encoder.layers.1."


def with_passing_layer(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of an encoder of one layer with another before it, which changes nothing.

    ComfyUI's own encoding asks for what goes into the last layer, as the output of the one before.
    A layer of zeros adds nothing to what it is given.
    """
    only = {key: value for key, value in weights.items() if key.startswith(_ONLY_LAYER)}
    second = {key.replace(_ONLY_LAYER, _SECOND_LAYER): value for key, value in only.items()}
    return weights | second | {key: torch.zeros_like(value) for key, value in only.items()}


def without_passing_layer(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The reverse of ``with_passing_layer``; other encoders stay as they are."""
    first = [value for key, value in weights.items() if key.startswith(_ONLY_LAYER)]
    if count_layers(weights) != 2 or any(bool(value.any()) for value in first):
        return weights
    kept = {key: value for key, value in weights.items() if not key.startswith(_ONLY_LAYER)}
    return {key.replace(_SECOND_LAYER, _ONLY_LAYER): value for key, value in kept.items()}


def require_clip_vision(clip_vision: object) -> None:
    """Check that there is an image encoder, before anything is computed with it."""
    if clip_vision is None:
        raise ModelMismatchError(
            "There is no image encoder: this checkpoint comes without one. Choose image_encoder in "
            "'Load ToonCrafter' (CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors in "
            "models/clip_vision), or connect ComfyUI's 'Load CLIP Vision'."
        )


@torch.no_grad()
def encode_image(clip_vision: Any, images: Tensor) -> Tensor:
    """All tokens of images n 3 h w in [-1, 1], stretched as in training (SPEC section 4).

    ComfyUI's own preparation crops the middle and rounds to 8 bits, so its model is called
    directly.
    """
    comfy.model_management.load_model_gpu(clip_vision.patcher)
    size = getattr(clip_vision, "image_size", 224)
    pixels = preprocess_for_image_encoder(images.to(clip_vision.load_device), size)
    tokens = clip_vision.model(pixel_values=pixels.float())[0]
    return tokens.to(comfy.model_management.intermediate_device()).float()


def encode_mid_grey(clip_vision: Any) -> Tensor:
    """Tokens of the picture that stands for no picture, 1 n c; encoded once for a CLIP_VISION."""
    if clip_vision not in _MID_GREY:
        _MID_GREY[clip_vision] = encode_image(clip_vision, torch.zeros(1, 3, 224, 224))
    return _MID_GREY[clip_vision]
