"""Text and image encoders from files of their own, for checkpoints that come without them.

Both usual layouts are read: OpenCLIP's, which is the checkpoint's own, and Hugging Face's, in which
ComfyUI keeps its CLIP files. What a file may leave out because nothing uses it is filled in, so
that loading stays strict.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ..config.model import ModelConfig
from ..errors import CheckpointError
from .detect import EncoderFile, component_shapes, detect_component_files
from .files.made import Made
from .files.read import Checkpoint
from .files.tensor_info import TensorInfo
from .keys import COMPONENT_KEYS, Component, select, where_to_get
from .load import Models, build_network, load_component
from .shapes import (
    CLIP_HEAD_WIDTH,
    IMAGE_HEAD_WIDTHS,
    detect_image_encoder,
    detect_text_encoder,
)

_NEEDED = {
    Component.TEXT_ENCODER: "Stable Diffusion 2.1's text encoder (ViT-H), 'text_encoder/"
    "model.safetensors' of its diffusers release",
    Component.IMAGE_ENCODER: "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
}

_TEXT_NAMES = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "text_projection.weight": "text_projection",
}
_IMAGE_NAMES = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    # Hugging Face's own misspelling.
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "visual_projection.weight": "visual.proj",
}
_TRANSPOSED = ("text_projection.weight", "visual_projection.weight")
"""Hugging Face stores these as linear layers, OpenCLIP as matrices."""

_LAYER = re.compile(r"(?:text|vision)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
_LAYER_NAMES = {
    "self_attn.out_proj": "attn.out_proj.",
    "layer_norm1": "ln_1.",
    "layer_norm2": "ln_2.",
    "mlp.fc1": "mlp.c_fc.",
    "mlp.fc2": "mlp.c_proj.",
}
_PACKED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
_UNUSED = re.compile(r"(^|\.)(position_ids|logit_scale)$")

_TEXT_TOWER = (
    "transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection",
    "attn_mask",
)  # fmt: skip
"""Keys of the text encoder in an OpenCLIP file, which has both encoders."""

_LAST_LAYER_LEFT_OUT = {1024: 23}
"""Layers of the published text encoder, by width, where a file leaves out the unused last one."""


def with_encoder(
    models: Models,
    encoder: Checkpoint,
    component: Component,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> Models:
    """The same models with the text or the image encoder that ``encoder_checkpoint`` gave.

    ``CheckpointError`` when tensors are missing or left over. ``dtype`` and ``device`` as in
    ``build_models``. SPEC sections 4 and 5.
    """
    shapes = component_shapes(encoder.shapes, component)
    if component is Component.TEXT_ENCODER:
        config = replace(models.config, text_encoder=detect_text_encoder(shapes, None))
    else:
        config = replace(models.config, image_encoder=detect_image_encoder(shapes, None))
    network = build_network(component, config, encoder)
    load_component(network, encoder, component, dtype=dtype, device=device)
    return replace(models, config=config, **{component.value: network.eval().requires_grad_(False)})


def encoder_checkpoint(file: Checkpoint, component: Component, config: ModelConfig) -> Checkpoint:
    """One encoder of a file under its official keys, checked to belong to the model's sizes.

    ``CheckpointError`` names the right file when this holds another encoder or none.
    SPEC section 0.
    """
    encoder, own = _found(file, component, config)
    tensors = own if encoder.layout == "open_clip" else dict(_from_huggingface(own))
    is_text = component is Component.TEXT_ENCODER
    tensors = dict(_text_parts(tensors) if is_text else _image_parts(tensors))
    prefix = COMPONENT_KEYS[component].prefix
    return Checkpoint.from_made({prefix + k: v for k, v in tensors.items()}, name=file.name)


def find_encoder(
    file: Checkpoint, component: Component, config: ModelConfig
) -> tuple[EncoderFile, dict[str, Tensor]]:
    """The text or image encoder in a file, and its tensors under the own keys of its layout.

    What stands before the keys in the file is left out. A whole CLIP gives the encoder asked for,
    and so does a complete ToonCrafter checkpoint. ``CheckpointError`` names the right file when
    this holds no such encoder or one that does not belong to the model's sizes.
    """
    encoder, own = _found(file, component, config)
    return encoder, {key: one.make() for key, one in own.items()}


def _found(
    file: Checkpoint, component: Component, config: ModelConfig
) -> tuple[EncoderFile, dict[str, Made]]:
    """The same, none of the tensors read yet."""
    if official := select(file, component):
        # A complete checkpoint lends its encoder to a pruned one.
        file = Checkpoint.from_made(
            {own: _of(file, key) for own, key in official.items()}, name=file.name
        )
    found = next((f for f in detect_component_files(file) if f.component is component), None)
    title = COMPONENT_KEYS[component].title
    if found is None:
        raise CheckpointError(
            f"{file.name} holds no CLIP {title}; needed is {_NEEDED[component]}. "
            f"{where_to_get(component)}"
        )
    is_text = component is Component.TEXT_ENCODER
    needed = config.unet.context_dim if is_text else config.resampler.embedding_dim
    if found.width != needed:
        raise CheckpointError(
            f"{file.name} is the {title} of {found.name} ({found.width} wide), and this model "
            f"needs one {needed} wide: {_NEEDED[component]}."
        )
    if needed % CLIP_HEAD_WIDTH and needed not in IMAGE_HEAD_WIDTHS:
        raise CheckpointError(
            f"{file.name} is a {title} {needed} wide, and nothing in it says how many heads that "
            f"is; CLIP's are multiples of {CLIP_HEAD_WIDTH}. Use the checkpoint's own {title}."
        )
    others = ("vision_model.", "visual") if is_text else ("text_", *_TEXT_TOWER)
    keys = (key.removeprefix(found.prefix) for key in file if key.startswith(found.prefix))
    return found, {
        key: _of(file, found.prefix + key)
        for key in keys
        if not key.startswith(others) and not _UNUSED.search(key)
    }


def _of(file: Checkpoint, key: str) -> Made:
    return Made(file.info[key], partial(file.__getitem__, key))


def _zeros(like: Made, *shape: int) -> Made:
    return Made(
        TensorInfo(shape, like.info.dtype), partial(torch.zeros, shape, dtype=like.info.dtype)
    )


def _transposed(one: Made) -> Made:
    return Made(TensorInfo(one.info.shape[::-1], one.info.dtype), lambda: one.make().T)


def _packed(parts: list[Made]) -> Made | None:
    """Tensors one below the other; None for ones that do not fit."""
    rows = [one.info.shape[:1] for one in parts]
    if not all(rows) or len({one.info.shape[1:] for one in parts}) > 1:
        return None
    shape = (sum(count for (count,) in rows), *parts[0].info.shape[1:])
    dtypes = {one.info.dtype for one in parts}
    dtype = dtypes.pop() if len(dtypes) == 1 else torch.float32
    return Made(
        TensorInfo(shape, dtype), lambda: torch.cat([one.make().to(dtype) for one in parts])
    )


def _from_huggingface(tensors: Mapping[str, Made]) -> Iterator[tuple[str, Made]]:
    """Give every tensor OpenCLIP's name; queries, keys and values become one tensor."""
    names = _TEXT_NAMES | _IMAGE_NAMES
    for key, value in tensors.items():
        layer = _LAYER.fullmatch(key)
        if layer is None:
            # What has no name there is left over, and loading says so.
            yield names.get(key, key), _transposed(value) if key in _TRANSPOSED else value
            continue
        index, name, kind = layer.groups()
        tower = "visual." if key.startswith("vision_model") else ""
        block = f"{tower}transformer.resblocks.{index}."
        if name in _LAYER_NAMES:
            yield f"{block}{_LAYER_NAMES[name]}{kind}", value
        elif name == _PACKED[0]:
            parts = [tensors.get(key.replace(name, part)) for part in _PACKED]
            packed = _packed([part for part in parts if part is not None])
            # An incomplete set is left out as a whole, and loading names it.
            if packed is not None and None not in parts:
                yield f"{block}attn.in_proj_{kind}", packed
        elif name not in _PACKED:
            yield key, value


def _text_parts(tensors: Mapping[str, Made]) -> Iterator[tuple[str, Made]]:
    """Fill in what the text encoder carries and does not use."""
    yield from tensors.items()
    weight = tensors["token_embedding.weight"]
    width = weight.info.shape[1]
    if "text_projection" not in tensors:
        yield "text_projection", _zeros(weight, width, width)
    yield "logit_scale", _zeros(weight)
    last = f"transformer.resblocks.{(_LAST_LAYER_LEFT_OUT.get(width) or 0) - 1}."
    following = f"transformer.resblocks.{_LAST_LAYER_LEFT_OUT.get(width)}."
    if not any(key.startswith(following) for key in tensors):
        for key, value in tensors.items():
            if key.startswith(last):
                yield key.replace(last, following), _zeros(value, *value.info.shape)


def _image_parts(tensors: Mapping[str, Made]) -> Iterator[tuple[str, Made]]:
    """Official files add tensors of the text tower, here in the least size."""
    yield from tensors.items()
    weight = tensors["visual.conv1.weight"]
    if "visual.proj" not in tensors:
        yield "visual.proj", _zeros(weight, weight.info.shape[0], weight.info.shape[0])
    for key in ("token_embedding.weight", "positional_embedding", "text_projection"):
        yield key, _zeros(weight, 1, 1)
    for key in ("ln_final.weight", "ln_final.bias"):
        yield key, _zeros(weight, 1)
    yield "logit_scale", _zeros(weight)
