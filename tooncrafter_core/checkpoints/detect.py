"""Tells a checkpoint's configuration from its tensors, never from its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import ModelConfig, SketchEncoderConfig
from ..errors import CheckpointError
from .families import not_sketch_encoder, not_tooncrafter
from .keys import COMPONENT_KEYS, OPTIONAL, REQUIRED, Component, select
from .read import Checkpoint
from .shapes import (
    Shapes,
    detect_autoencoder,
    detect_image_encoder,
    detect_resampler,
    detect_text_encoder,
    detect_unet,
    sketch_encoder_config,
)
from .stored_config import refuse_contradictions, stored_config

_CONFIG_FIELDS: dict[Component, tuple[str, Callable[[Shapes, Any], Any]]] = {
    Component.DENOISER: ("unet", detect_unet),
    Component.PROJECTOR: ("resampler", detect_resampler),
    Component.AUTOENCODER: ("autoencoder", detect_autoencoder),
    Component.TEXT_ENCODER: ("text_encoder", detect_text_encoder),
    Component.IMAGE_ENCODER: ("image_encoder", detect_image_encoder),
}
"""The field of ``ModelConfig`` that a component fills, and what reads it off the shapes."""

_MARKS = {
    Component.DENOISER: "model.diffusion_model.init_attn.",
    Component.PROJECTOR: "image_proj_model.",
    Component.AUTOENCODER: "first_stage_model.decoder.attn_refinement.",
}
"""Beginnings of keys that only ToonCrafter has all of."""

_TEXT_NAMES = {768: "ViT-L", 1024: "ViT-H", 1280: "ViT-bigG"}
_IMAGE_NAMES = {768: "ViT-B", 1024: "ViT-L", 1280: "ViT-H", 1408: "ViT-g", 1664: "ViT-bigG"}


@dataclass(frozen=True, kw_only=True)
class EncoderFile:
    """A text or image encoder found in a file of its own."""

    component: Component
    layout: str
    """``huggingface`` (also ComfyUI's) or ``open_clip``."""
    width: int
    name: str
    """The CLIP model that has this width, such as ``ViT-H``."""
    prefix: str
    """What stands before all its keys: nothing in most files."""


def detect(checkpoint: Checkpoint) -> ModelConfig:
    """The configuration of a checkpoint, its encoders None when it comes without them.

    What shapes cannot tell is taken from the file's metadata, else from the published model.
    ``CheckpointError`` when it is another model's file (named), when sizes make no sense, or when
    metadata and tensors contradict each other. SPEC section 1.
    """
    shapes = checkpoint.shapes
    missing = [c for c, mark in _MARKS.items() if not any(k.startswith(mark) for k in shapes)]
    if missing:
        titles = " and no ".join(COMPONENT_KEYS[component].title for component in missing)
        raise CheckpointError(not_tooncrafter(shapes, checkpoint.name, f"no {titles}"))
    stored = stored_config(checkpoint.metadata, checkpoint.name)
    base = stored or ModelConfig()
    parts: dict[str, Any] = {}
    for component in REQUIRED:
        field, detect_part = _CONFIG_FIELDS[component]
        parts[field] = detect_part(component_shapes(shapes, component), getattr(base, field))
    for component in OPTIONAL:
        field, detect_part = _CONFIG_FIELDS[component]
        present = bool(select(shapes, component))
        known = getattr(stored, field) if stored else None
        parts[field] = detect_part(component_shapes(shapes, component), known) if present else None
    detected = ModelConfig(**parts, diffusion=base.diffusion)
    refuse_contradictions(stored, detected, checkpoint.name)
    return detected


def part_of(config: ModelConfig, component: Component) -> Any:
    """The component's own configuration, None when the model has no such part."""
    return getattr(config, field_of(component))


def field_of(component: Component) -> str:
    """The field of ``ModelConfig`` that describes the component."""
    return _CONFIG_FIELDS[component][0]


def component_shapes(shapes: Mapping[str, tuple[int, ...]], component: Component) -> Shapes:
    """The shapes of one component under its own keys."""
    own = {own: shapes[key] for own, key in select(shapes, component).items()}
    return Shapes(own, component)


def is_sketch_encoder(checkpoint: Checkpoint) -> bool:
    """Whether the file is a sketch encoder: a control network with hints of one channel.

    SPEC section 10.
    """
    key = COMPONENT_KEYS[Component.SKETCH_ENCODER].prefix + "input_hint_block.0.weight"
    return key in checkpoint.info and checkpoint.info[key].shape[1] == 1


def detect_sketch_encoder(checkpoint: Checkpoint) -> SketchEncoderConfig:
    """The configuration of a sketch encoder's file.

    What shapes cannot tell is taken from the file's metadata, else from Stable Diffusion 2.
    ``CheckpointError`` names the file when it is another control network (its hints have 3
    channels, or its text tokens are another Stable Diffusion's), an adapter, or a ToonCrafter
    checkpoint, and when sizes make no sense. SPEC section 10.
    """
    if problem := not_sketch_encoder(checkpoint.shapes, checkpoint.name):
        raise CheckpointError(problem)
    stored = stored_config(checkpoint.metadata, checkpoint.name, SketchEncoderConfig)
    shapes = component_shapes(checkpoint.shapes, Component.SKETCH_ENCODER)
    detected = sketch_encoder_config(shapes, stored)
    refuse_contradictions(stored, detected, checkpoint.name)
    return detected


def detect_component_files(checkpoint: Checkpoint) -> list[EncoderFile]:
    """Recognise the text and image encoders in a file of their own, in either usual layout.

    Returns an empty list when there are none; both when the file holds a whole CLIP.
    """
    marks = (
        (Component.TEXT_ENCODER, "huggingface", "text_model.embeddings.token_embedding.weight", 1),
        (Component.TEXT_ENCODER, "open_clip", "token_embedding.weight", 1),
        (Component.IMAGE_ENCODER, "huggingface",
         "vision_model.embeddings.patch_embedding.weight", 0),
        (Component.IMAGE_ENCODER, "open_clip", "visual.conv1.weight", 0),
    )  # fmt: skip
    names = {Component.TEXT_ENCODER: _TEXT_NAMES, Component.IMAGE_ENCODER: _IMAGE_NAMES}
    found: dict[Component, EncoderFile] = {}
    for component, layout, mark, axis in marks:
        key = next((k for k in checkpoint if k == mark or k.endswith("." + mark)), None)
        if key is None or component in found:
            continue
        width = checkpoint.info[key].shape[axis]
        name = names[component].get(width, f"unknown, {width} wide")
        found[component] = EncoderFile(
            component=component,
            layout=layout,
            width=width,
            name=name,
            prefix=key.removesuffix(mark),
        )
    return list(found.values())
