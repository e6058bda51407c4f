"""Text and image encoders as ComfyUI's CLIP and CLIP_VISION, from a full checkpoint or own files."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import comfy.clip_vision
import comfy.model_management
import comfy.sd
import comfy.utils
import folder_paths
import torch
from comfy import sd1_clip
from comfy.cli_args import args
from torch import Tensor

from ...tooncrafter_core.checkpoints import (
    Checkpoint,
    Component,
    EncoderFile,
    detect_component_files,
    read_checkpoint,
)
from ...tooncrafter_core.checkpoints.keys import select, where_to_get
from ...tooncrafter_core.conditioning.preprocess import preprocess_for_image_encoder
from ...tooncrafter_core.config import ImageEncoderConfig, ModelConfig, TextEncoderConfig
from ...tooncrafter_core.errors import CheckpointError, ModelMismatchError


def load_text_encoder(checkpoint: Checkpoint, config: TextEncoderConfig) -> comfy.sd.CLIP:
    """The checkpoint's text encoder as a CLIP: last layer but one, zero padding (SPEC section 5)."""
    return _build_clip(checkpoint, _own_tensors(checkpoint, Component.TEXT_ENCODER), config)


def load_text_encoder_file(path: Path, config: ModelConfig) -> comfy.sd.CLIP:
    """A text encoder from a file of its own.

    Raises:
        CheckpointError: the file is another text encoder, or none.
    """
    checkpoint = read_checkpoint(path)
    found = _find_encoder(checkpoint, Component.TEXT_ENCODER)
    if found is None:
        raise CheckpointError(
            f"{checkpoint.name} holds no CLIP text encoder. {where_to_get(Component.TEXT_ENCODER)}"
        )
    if found.width != config.unet.context_dim:
        raise CheckpointError(
            f"{checkpoint.name} is the text encoder of {found.name} ({found.width} values a "
            f"token), ToonCrafter needs {config.unet.context_dim}: Stable Diffusion 2.1's (ViT-H)."
        )
    tensors = {key: checkpoint[key] for key in checkpoint if _is_text_key(key)}
    positions = next(v for k, v in tensors.items() if "position" in k and v.ndim == 2)
    tokens = next(v for k, v in tensors.items() if "token_embedding" in k)
    layers = 1 + max(int(match[1]) for match in map(_LAYER.search, tensors) if match)
    if found.layout == "huggingface" and _LAST_LAYER_LEFT_OUT.get(found.width) == layers:
        layers += 1  # some files leave out the last layer, which is not used
    return _build_clip(
        checkpoint,
        tensors,
        TextEncoderConfig(
            width=found.width,
            heads=found.width // 64,
            layers=layers,
            context_length=positions.shape[0],
            vocab_size=tokens.shape[0],
            embed_dim=found.width,
        ),
    )


_LAYER = re.compile(r"(?:layers|resblocks)\.(\d+)\.")
_LAST_LAYER_LEFT_OUT = {1024: 23}
"""Layers of the published text encoder of this width when its file comes without the last."""


def _is_text_key(key: str) -> bool:
    return not key.startswith(("visual.", "vision_model.", "visual_projection", "logit_scale"))


def _find_encoder(checkpoint: Checkpoint, component: Component) -> EncoderFile | None:
    found = detect_component_files(checkpoint)
    return next((one for one in found if one.component is component), None)


def _build_clip(
    checkpoint: Checkpoint, tensors: dict[str, Tensor], config: TextEncoderConfig
) -> comfy.sd.CLIP:
    """ComfyUI's CLIP of tensors in OpenCLIP's or Hugging Face's layout."""
    weights = comfy.utils.clip_text_transformers_convert(dict(tensors), "", "")
    weights.pop("logit_scale", None)
    # The pooled output is not used; ComfyUI's model has room for a square projection only.
    projection = weights.get("text_projection.weight")
    if projection is not None and projection.shape[0] != projection.shape[1]:
        del weights["text_projection.weight"]

    class Target:
        """What ComfyUI builds a CLIP from."""

        params: dict[str, Any] = {}
        tokenizer = _tokenizer(config)
        clip = _clip_model(config)

    clip = comfy.sd.CLIP(
        Target,
        embedding_directory=folder_paths.get_folder_paths("embeddings"),
        parameters=sum(value.numel() for value in weights.values()),
        model_options=_full_precision(weights),
    )
    missing, left_over = clip.load_sd(weights)
    # Not always there, and not used.
    unused = (f"text_model.encoder.layers.{config.layers - 1}.", "text_projection")
    missing = [key for key in missing if not key.startswith(unused)]
    _refuse(checkpoint, "text encoder", [*missing, *left_over])
    return clip


def _clip_model(config: TextEncoderConfig) -> type[sd1_clip.SD1ClipModel]:
    """ComfyUI's text model for these sizes; the published ones are Stable Diffusion 2's."""
    settings = {
        "architectures": ["CLIPTextModel"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 49407,
        "hidden_act": "gelu",
        "hidden_size": config.width,
        "intermediate_size": config.width * 4,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": config.context_length,
        "model_type": "clip_text_model",
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "pad_token_id": 1,
        "projection_dim": config.embed_dim,
        "vocab_size": config.vocab_size,
    }

    class TextModel(sd1_clip.SDClipModel):
        """The last layer but one, normalised."""

        def __init__(
            self, device: Any = "cpu", dtype: Any = None, model_options: Any = None, **_: Any
        ) -> None:
            super().__init__(
                device=device,
                layer="hidden",
                layer_idx=-2,
                textmodel_json_config=dict(settings),
                dtype=dtype,
                special_tokens={"start": 49406, "end": 49407, "pad": 0},
                return_projected_pooled=True,
                model_options=model_options or {},
            )

    class ClipModel(sd1_clip.SD1ClipModel):
        """Under the name that ComfyUI gives Stable Diffusion 2's."""

        def __init__(
            self, device: Any = "cpu", dtype: Any = None, model_options: Any = None, **_: Any
        ) -> None:
            super().__init__(
                device=device,
                dtype=dtype,
                model_options=model_options or {},
                clip_name="h",
                clip_model=TextModel,
            )

    return ClipModel


def _tokenizer(config: TextEncoderConfig) -> type[sd1_clip.SD1Tokenizer]:
    """Stable Diffusion 2's tokenizer, with textual inversions of these sizes."""

    class TextTokenizer(sd1_clip.SDTokenizer):
        def __init__(self, embedding_directory: Any = None, tokenizer_data: Any = None) -> None:
            super().__init__(
                pad_with_end=False,
                embedding_directory=embedding_directory,
                embedding_size=config.width,
                embedding_key="clip_h",
                tokenizer_data=tokenizer_data or {},
            )

    class Tokenizer(sd1_clip.SD1Tokenizer):
        def __init__(self, embedding_directory: Any = None, tokenizer_data: Any = None) -> None:
            super().__init__(
                embedding_directory=embedding_directory,
                tokenizer_data=tokenizer_data or {},
                clip_name="h",
                tokenizer=TextTokenizer,
            )

    return Tokenizer


def load_image_encoder(
    checkpoint: Checkpoint, config: ImageEncoderConfig
) -> comfy.clip_vision.ClipVisionModel:
    """The checkpoint's image encoder as a CLIP_VISION (SPEC section 4)."""
    own = _own_tensors(checkpoint, Component.IMAGE_ENCODER)
    tensors = {k.removeprefix("visual."): v for k, v in own.items() if k.startswith("visual.")}
    return _build_clip_vision(checkpoint, tensors, config)


def load_image_encoder_file(path: Path, config: ModelConfig) -> comfy.clip_vision.ClipVisionModel:
    """An image encoder from a file of its own, alone or with its text encoder.

    Raises:
        CheckpointError: the file is another image encoder, or none.
    """
    checkpoint = read_checkpoint(path)
    found = _find_encoder(checkpoint, Component.IMAGE_ENCODER)
    needed = config.resampler.embedding_dim
    if found is None:
        raise CheckpointError(
            f"{checkpoint.name} holds no CLIP image encoder. "
            f"{where_to_get(Component.IMAGE_ENCODER)}"
        )
    if found.width != needed:
        raise CheckpointError(
            f"{checkpoint.name} is the image encoder of {found.name} ({found.width} values a "
            f"token), ToonCrafter needs {needed}: CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors."
        )
    tensors = {
        key.removeprefix("visual."): checkpoint[key]
        for key in checkpoint
        if key.startswith(("vision_model.", "visual_projection", "visual."))
    }
    patches = next(v for v in tensors.values() if v.ndim == 4)
    layers = 1 + max(int(match[1]) for match in map(_LAYER.search, tensors) if match)
    positions = next(v for k, v in tensors.items() if "position" in k and v.ndim == 2)
    side = round((positions.shape[0] - 1) ** 0.5) * patches.shape[-1]
    return _build_clip_vision(
        checkpoint,
        tensors,
        ImageEncoderConfig(
            width=found.width,
            head_width=80 if found.width == 1280 else 64,
            layers=layers,
            patch_size=patches.shape[-1],
            image_size=side,
            embed_dim=_projection_width(tensors, found.width),
        ),
    )


def _projection_width(tensors: dict[str, Tensor], width: int) -> int:
    if "visual_projection.weight" in tensors:
        return tensors["visual_projection.weight"].shape[0]
    return tensors["proj"].shape[1] if "proj" in tensors else width


def _build_clip_vision(
    checkpoint: Checkpoint, tensors: dict[str, Tensor], config: ImageEncoderConfig
) -> comfy.clip_vision.ClipVisionModel:
    """ComfyUI's CLIP_VISION of tensors in OpenCLIP's or Hugging Face's layout."""
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
        "num_hidden_layers": config.layers,
        "patch_size": config.patch_size,
        "projection_dim": config.embed_dim,
    }
    # The host takes its settings from a file only.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        model = comfy.clip_vision.ClipVisionModel(str(path))
    weights = comfy.clip_vision.convert_to_transformers(dict(tensors), "")
    if precision := _full_precision(weights):
        model.dtype = precision["dtype"]
        model.model.to(model.dtype)
    missing, left_over = model.load_sd(weights)
    _refuse(checkpoint, "image encoder", [*missing, *left_over])
    return model


def require_clip_vision(clip_vision: object) -> None:
    """Check that there is an image encoder, before anything is computed with it."""
    if clip_vision is None:
        raise ModelMismatchError(
            "There is no image encoder: this checkpoint comes without one. Choose image_encoder in "
            "'Load ToonCrafter' (CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors in "
            "models/clip_vision), or connect ComfyUI's 'Load CLIP Vision'."
        )


def encode_image(clip_vision: Any, images: Tensor) -> Tensor:
    """All tokens of images n 3 h w in [-1, 1], stretched as the model was trained (SPEC section 4).

    ComfyUI's own preparation crops the middle and rounds to 8 bits, so its model is called directly.
    """
    comfy.model_management.load_model_gpu(clip_vision.patcher)
    size = getattr(clip_vision, "image_size", 224)
    pixels = preprocess_for_image_encoder(images.to(clip_vision.load_device), size)
    tokens = clip_vision.model(pixel_values=pixels.float())[0]
    return tokens.to(comfy.model_management.intermediate_device()).float()


def _own_tensors(checkpoint: Checkpoint, component: Component) -> dict[str, Tensor]:
    return {own: checkpoint[key] for own, key in select(checkpoint.info, component).items()}


_PRECISION_FLAGS = (
    "fp8_e4m3fn_text_enc", "fp8_e5m2_text_enc", "fp16_text_enc", "bf16_text_enc", "fp32_text_enc",
)  # fmt: skip


def _full_precision(weights: dict[str, Tensor]) -> dict[str, torch.dtype]:
    """Keep encoders in float32 that come so, unless the user has told ComfyUI otherwise.

    They run once a prompt; rounded to half they move the samples by 3e-3 of their spread.
    """
    is_told = any(getattr(args, flag, False) for flag in _PRECISION_FLAGS)
    is_full = all(value.dtype is torch.float32 for value in weights.values())
    return {"dtype": torch.float32} if is_full and not is_told else {}


def _refuse(checkpoint: Checkpoint, part: str, keys: list[str]) -> None:
    """Loading into ComfyUI's encoders is lenient; ours is not."""
    keys = [key for key in keys if not key.endswith(("position_ids", "logit_scale"))]
    if keys:
        raise CheckpointError(
            f"{checkpoint.name} does not fit ComfyUI's {part}: {len(keys)} tensors are missing or "
            f"left over, such as {', '.join(keys[:3])}."
        )
