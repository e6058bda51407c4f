"""Derives a checkpoint's configuration from its tensors, never from its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config.model import ModelConfig, SketchEncoderConfig
from ..config.presets import PRESETS, SKETCH_PRESETS
from ..errors import CheckpointError, UnknownCountError
from .families import not_sketch_encoder, not_tooncrafter
from .files.read import Checkpoint
from .impossible import impossible
from .keys import COMPONENT_KEYS, OPTIONAL, REQUIRED, Component, select
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
    """The prefix of all its keys, empty in most files."""


def detect(checkpoint: Checkpoint) -> ModelConfig:
    """The configuration of a checkpoint, its encoders None when it comes without them.

    What shapes do not show is taken from the file's own description, else from the preset that has
    these shapes, else from the published model. ``CheckpointError`` when it is another model's file
    (named), when sizes make no sense, when description and tensors contradict each other, or when
    there is none and the published model cannot be meant. SPEC section 1.
    """
    shapes = checkpoint.shapes
    missing = [c for c, mark in _MARKS.items() if not any(k.startswith(mark) for k in shapes)]
    if missing:
        titles = " and no ".join(COMPONENT_KEYS[component].title for component in missing)
        raise CheckpointError(not_tooncrafter(shapes, checkpoint.name, f"no {titles}"))
    stored = stored_config(checkpoint.metadata, checkpoint.name)
    if stored is None:
        return _presumed_config(shapes, checkpoint.name)
    parts = {
        field_of(component): _detect_part(shapes, component, part_of(stored, component))
        for component in (*REQUIRED, *OPTIONAL)
        if component in REQUIRED or select(shapes, component)
    }
    detected = ModelConfig(**_NO_ENCODERS | parts, diffusion=stored.diffusion)
    refuse_contradictions(stored, detected, checkpoint.name)
    return detected


def _presumed_config(shapes: Mapping[str, tuple[int, ...]], name: str) -> ModelConfig:
    """The configuration of a file that does not describe itself.

    A component that has a preset's shapes is the preset's. The others are supposed to have the
    published model's counts where shapes do not determine them; ``CheckpointError`` if impossible.
    """
    parts: dict[str, Any] = {}
    diffusions = set()
    try:
        for component in (*REQUIRED, *OPTIONAL):
            if component in OPTIONAL and not select(shapes, component):
                continue
            preset = _preset_like(shapes, component)
            known = part_of(preset or ModelConfig(), component)
            if component in OPTIONAL and preset is None:
                known = None
            parts[field_of(component)] = _detect_part(shapes, component, known)
            if component in REQUIRED:
                diffusions.add((preset or ModelConfig()).diffusion)
    except UnknownCountError as error:
        raise _lost_configuration(name, str(error).partition(". ")[0]) from None
    if len(diffusions) > 1:
        raise _lost_configuration(name, "some of its parts are those of another model than others")
    config = ModelConfig(**_NO_ENCODERS | parts, diffusion=diffusions.pop())
    if found := impossible(config):
        raise _lost_configuration(name, f"by the published model's, {found[0]}")
    return config


_NO_ENCODERS: dict[str, Any] = {"text_encoder": None, "image_encoder": None}


def _preset_like(shapes: Mapping[str, tuple[int, ...]], component: Component) -> ModelConfig | None:
    """The preset that has the sizes of a component, the published one before others."""
    for preset in PRESETS.values():
        known = part_of(preset, component)
        try:
            if _detect_part(shapes, component, known) == known:
                return preset
        except UnknownCountError:
            continue
    return None


def _detect_part(shapes: Mapping[str, tuple[int, ...]], component: Component, known: Any) -> Any:
    """A component's configuration, with what shapes do not determine from ``known``."""
    return _CONFIG_FIELDS[component][1](component_shapes(shapes, component), known)


def _lost_configuration(name: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{name} has lost its configuration, and its shapes alone do not show it: {reason}. A "
        "program that merged or converted it has probably dropped the file's metadata. Take the "
        "file that it was made from; 'python -m tooncrafter_core convert' keeps what is needed."
    )


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
    return key in checkpoint.info and checkpoint.info[key].shape[1:2] == (1,)


def detect_sketch_encoder(checkpoint: Checkpoint) -> SketchEncoderConfig:
    """The configuration of a sketch encoder's file.

    What shapes do not show is taken from the file's own description, else from the preset that has
    these shapes, else from Stable Diffusion 2. ``CheckpointError`` names the file when it is
    another control network (its hints have 3 channels, or its text tokens are another Stable
    Diffusion's), an adapter, or a ToonCrafter checkpoint, and when sizes make no sense.
    SPEC section 10.
    """
    if problem := not_sketch_encoder(checkpoint.shapes, checkpoint.name):
        raise CheckpointError(problem)
    stored = stored_config(checkpoint.metadata, checkpoint.name, SketchEncoderConfig)
    shapes = component_shapes(checkpoint.shapes, Component.SKETCH_ENCODER)
    if stored is not None:
        detected = sketch_encoder_config(shapes, stored)
        refuse_contradictions(stored, detected, checkpoint.name)
        return detected
    detected = _sketch_preset_like(shapes) or sketch_encoder_config(shapes)
    if found := impossible(detected):
        raise _lost_configuration(checkpoint.name, f"by the published encoder's, {found[0]}")
    return detected


def known_sketch_config(checkpoint: Checkpoint) -> SketchEncoderConfig | None:
    """The configuration stored in a sketch encoder's file, or the preset with its shapes."""
    stored = stored_config(checkpoint.metadata, checkpoint.name, SketchEncoderConfig)
    if stored is not None:
        return stored
    return _sketch_preset_like(component_shapes(checkpoint.shapes, Component.SKETCH_ENCODER))


def _sketch_preset_like(shapes: Shapes) -> SketchEncoderConfig | None:
    for preset in SKETCH_PRESETS.values():
        try:
            if sketch_encoder_config(shapes, preset) == preset:
                return preset
        except CheckpointError:
            continue
    return None


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
        if key is None or component in found or len(checkpoint.info[key].shape) <= axis:
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
