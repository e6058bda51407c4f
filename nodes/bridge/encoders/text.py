"""The text encoder as a ComfyUI CLIP, from a full checkpoint or a file of its own."""

from pathlib import Path
from typing import Any, ClassVar, cast

import comfy.model_patcher
import comfy.sd
import comfy.utils
import folder_paths
import torch
from comfy import sd1_clip
from torch import Tensor

from ....tooncrafter_core.checkpoints import (
    Checkpoint,
    Component,
    find_encoder,
    read_checkpoint,
)
from ....tooncrafter_core.config.model import ModelConfig, TextEncoderConfig
from ..patchers import loads_again, patcher_of
from .files import (
    count_layers,
    full_precision,
    own_tensors,
    refuse_mismatch,
)

VOCABULARY = 49408
"""Tokens that CLIP's tokenizer knows."""

_LAST_LAYER_LEFT_OUT = {1024: 23}
"""Layers of the published text encoder of this width when its file comes without the last."""


def load_text_encoder(
    checkpoint: Checkpoint, config: TextEncoderConfig, *, disable_dynamic: bool = False
) -> comfy.sd.CLIP:
    """The checkpoint's text encoder: last layer but one, zero padding (SPEC section 5)."""
    tensors = own_tensors(checkpoint, Component.TEXT_ENCODER)
    clip = _build_clip(checkpoint, tensors, config, disable_dynamic)
    loads_again(clip.patcher, patcher_of(load_text_encoder), checkpoint, config)
    return clip


def load_text_encoder_file(path: Path, config: ModelConfig) -> comfy.sd.CLIP:
    """A text encoder from a file of its own.

    Raises:
        CheckpointError: the file is another text encoder, or none.
    """
    return _load_encoder(read_checkpoint(path), config)


def _load_encoder(
    checkpoint: Checkpoint, config: ModelConfig, *, disable_dynamic: bool = False
) -> comfy.sd.CLIP:
    encoder, tensors = find_encoder(checkpoint, Component.TEXT_ENCODER, config)
    positions = next(v for k, v in tensors.items() if "position" in k and v.ndim == 2)
    tokens = next(v for k, v in tensors.items() if "token_embedding" in k)
    layers = count_layers(tensors)
    if encoder.layout == "huggingface" and _LAST_LAYER_LEFT_OUT.get(encoder.width) == layers:
        layers += 1  # some files leave out the last layer, which is not used
    own = TextEncoderConfig(
        width=encoder.width,
        heads=encoder.width // 64,
        layers=layers,
        context_length=positions.shape[0],
        vocab_size=tokens.shape[0],
        embed_dim=encoder.width,
    )
    clip = _build_clip(checkpoint, tensors, own, disable_dynamic)
    loads_again(clip.patcher, patcher_of(_load_encoder), checkpoint, config)
    return clip


def _build_clip(
    checkpoint: Checkpoint,
    tensors: dict[str, Tensor],
    config: TextEncoderConfig,
    disable_dynamic: bool,
) -> comfy.sd.CLIP:
    """ComfyUI's CLIP of tensors in OpenCLIP's or Hugging Face's layout."""
    weights = comfy.utils.clip_text_transformers_convert(dict(tensors), "", "")
    weights.pop("logit_scale", None)
    _fill_vocabulary(weights)
    # The pooled output is not used; ComfyUI's model has room for a square projection only.
    projection = weights.get("text_projection.weight")
    if projection is not None and projection.shape[0] != projection.shape[1]:
        del weights["text_projection.weight"]

    class Target:
        """The description from which ComfyUI builds a CLIP."""

        params: ClassVar[dict[str, Any]] = {}
        tokenizer = _tokenizer(config)
        clip = _clip_model(config)

    clip = comfy.sd.CLIP(
        Target,
        embedding_directory=folder_paths.get_folder_paths("embeddings"),
        parameters=sum(value.numel() for value in weights.values()),
        model_options=full_precision(weights),
        # Hosts without dynamic memory do not know the word.
        **({"disable_dynamic": True} if disable_dynamic else {}),
    )
    missing, left_over = clip.load_sd(weights)
    # Not always there, and not used.
    unused = (f"text_model.encoder.layers.{config.layers - 1}.", "text_projection")
    missing = [key for key in missing if not key.startswith(unused)]
    refuse_mismatch(checkpoint, "text encoder", [*missing, *left_over])
    return clip


def _fill_vocabulary(weights: dict[str, Tensor]) -> None:
    """Give every token of ComfyUI's tokenizer a row; past its table's end a model reads the last.

    See ``TextEncoderConfig.vocab_size``.
    """
    key = "text_model.embeddings.token_embedding.weight"
    table = weights[key]
    if len(table) < VOCABULARY:
        weights[key] = table[torch.arange(VOCABULARY).clamp(max=len(table) - 1)]


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
        "vocab_size": max(config.vocab_size, VOCABULARY),
    }

    class TextModel(sd1_clip.SDClipModel):
        """The last layer but one, normalised."""

        def __init__(
            self, device: Any = "cpu", dtype: Any = None, model_options: Any = None, **_: object
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
            self, device: Any = "cpu", dtype: Any = None, model_options: Any = None, **_: object
        ) -> None:
            super().__init__(
                device=device,
                dtype=dtype,
                model_options=model_options or {},
                clip_name="h",
                clip_model=cast(Any, TextModel),
            )

    return ClipModel


def _tokenizer(config: TextEncoderConfig) -> type[sd1_clip.SD1Tokenizer]:
    """Stable Diffusion 2's tokenizer, with textual inversions of these sizes."""

    class TextTokenizer(sd1_clip.SDTokenizer):
        def __init__(
            self, embedding_directory: Any = None, tokenizer_data: Any = None, **_: object
        ) -> None:
            super().__init__(
                pad_with_end=False,
                embedding_directory=embedding_directory,
                embedding_size=config.width,
                embedding_key="clip_h",
                tokenizer_data=tokenizer_data or {},
            )

    class Tokenizer(sd1_clip.SD1Tokenizer):
        def __init__(
            self, embedding_directory: Any = None, tokenizer_data: Any = None, **_: object
        ) -> None:
            super().__init__(
                embedding_directory=embedding_directory,
                tokenizer_data=tokenizer_data or {},
                clip_name="h",
                tokenizer=TextTokenizer,
            )

    return Tokenizer
