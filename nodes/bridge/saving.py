"""What ComfyUI's saving nodes write of our models: complete files in the published layout.

ComfyUI keeps a CLIP in another layout than the published file, and gives its saving nodes no image
projector, often no image encoder and sometimes no autoencoder. The layout is converted back, and
what is not given comes from the file that the model was loaded from.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from ...tooncrafter_core.checkpoints import Checkpoint, Component, build_network, compare, detect
from ...tooncrafter_core.checkpoints.convert_encoders import encoder_checkpoint
from ...tooncrafter_core.checkpoints.detect import component_shapes, part_of
from ...tooncrafter_core.checkpoints.kept_texts import LATENT_RGB_KEY, text_tensors
from ...tooncrafter_core.checkpoints.keys import (
    COMPONENT_KEYS,
    OPTIONAL,
    REQUIRED,
    component_of,
    select,
)
from ...tooncrafter_core.checkpoints.shapes import detect_image_encoder, detect_text_encoder
from ...tooncrafter_core.checkpoints.stored_config import config_metadata
from ...tooncrafter_core.config.model import ModelConfig
from ...tooncrafter_core.errors import CheckpointError, ModelMismatchError
from .encoders.image import without_passing_layer
from .unknown import note_unknown

Tensors = dict[str, Tensor]

_SOCKETS = {
    Component.AUTOENCODER: "VAE",
    Component.TEXT_ENCODER: "CLIP",
    Component.IMAGE_ENCODER: "CLIP_VISION",
}

_UNUSED = {
    Component.TEXT_ENCODER: ("text_projection", "logit_scale", "attn_mask"),
    Component.IMAGE_ENCODER: (
        "token_embedding.", "positional_embedding", "text_projection", "ln_final.", "logit_scale",
        "transformer.", "attn_mask",
    ),
}  # fmt: skip
"""Beginnings of what a published encoder carries unused, and ComfyUI does not keep."""


class OfficialLayout:
    """For a ComfyUI model configuration: how its parts are named in a file."""

    tooncrafter: ModelConfig

    def process_clip_state_dict_for_saving(
        self, state_dict: Mapping[str, Tensor], **unknown: object
    ) -> Tensors:
        """A CLIP's weights as the published file has them."""
        note_unknown("saving a CLIP", unknown)
        encoder = _official(state_dict, Component.TEXT_ENCODER, self.tooncrafter)
        return _without_filled_vocabulary(encoder, self.tooncrafter)

    def process_clip_vision_state_dict_for_saving(
        self, state_dict: Mapping[str, Tensor], **unknown: object
    ) -> Tensors:
        """A CLIP_VISION's weights as the published file has them."""
        note_unknown("saving a CLIP_VISION", unknown)
        weights = without_passing_layer(_moved(state_dict))
        return _official(weights, Component.IMAGE_ENCODER, self.tooncrafter)


def complete_file(
    saved: Mapping[str, Tensor],
    projector: Mapping[str, Tensor],
    config: ModelConfig,
    reopen: Callable[[], Checkpoint],
) -> Tensors:
    """Everything that a file of the model must hold, and nothing else.

    Args:
        saved: what ComfyUI was given to save, under official keys; other keys are its own.
        projector: the image projector's weights.
        config: what the model was loaded as.
        reopen: gives the file that it was loaded from, for what ``saved`` does not hold.

    Raises:
        CheckpointError: the file is gone, or another one by now.
        ModelMismatchError: a part is another model's.
    """
    try:
        source = reopen()
    except CheckpointError as error:
        raise CheckpointError(
            "Some parts of a saved checkpoint are taken from the file that the model was loaded "
            f"from, and it cannot be read any more: {error}"
        ) from error
    if detect(source) != config:
        raise CheckpointError(
            f"{source.name} is another model than the one that was loaded from it, and some parts "
            "are taken from it when a checkpoint is saved. Put the right file back and load again."
        )
    given = {key: value for key, value in saved.items() if component_of(key) is not None}
    prefix = COMPONENT_KEYS[Component.PROJECTOR].prefix
    given |= {prefix + key: value for key, value in projector.items()}
    tensors = {**_not_given(given, source), **given, **_unused_parts(given, source)}
    whole = Checkpoint.from_tensors(tensors, name="The checkpoint to be saved")
    config = _with_encoders(whole, config)
    _check(whole, config)
    colours = {k: text for k, text in source.metadata.items() if k == LATENT_RGB_KEY}
    return tensors | text_tensors(config_metadata(config) | colours)


def _official(
    state_dict: Mapping[str, Tensor], component: Component, config: ModelConfig
) -> Tensors:
    name = f"The {_SOCKETS[component]} to be saved"
    file = Checkpoint.from_tensors(_moved(state_dict), name=name)
    return dict(encoder_checkpoint(file, component, config))


def _moved(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Weights as numbers to compute with; some hosts apply patches when a weight is moved."""
    return {key: value.to("cpu").detach() for key, value in state_dict.items()}


def _without_filled_vocabulary(encoder: Tensors, config: ModelConfig) -> Tensors:
    """The token table without the rows that ``encoders.text`` gave it for ComfyUI's tokenizer."""
    key = COMPONENT_KEYS[Component.TEXT_ENCODER].prefix + "token_embedding.weight"
    rows = None if config.text_encoder is None else config.text_encoder.vocab_size
    if rows is None or rows >= len(encoder[key]):
        return encoder
    table = encoder[key]
    if not bool((table[rows:] == table[rows - 1]).all()):
        return encoder  # a table of its own
    return encoder | {key: table[:rows].clone()}


def _not_given(given: Mapping[str, Tensor], source: Checkpoint) -> Tensors:
    """The file's tensors of the parts that are not given, and those of no part."""
    parts = {component_of(key) for key in given}
    return {key: source[key] for key in source if component_of(key) not in parts}


def _unused_parts(given: Mapping[str, Tensor], source: Checkpoint) -> Tensors:
    """What given encoders lack because nothing uses it, as the file has it."""
    return {
        key: source[key]
        for component, begins in _UNUSED.items()
        if select(given, component)
        for own, key in select(source.info, component).items()
        if own.startswith(begins)
    }


def _with_encoders(whole: Checkpoint, config: ModelConfig) -> ModelConfig:
    """The configuration with the encoders that are there now."""
    has = {component: bool(select(whole.info, component)) for component in OPTIONAL}
    text = component_shapes(whole.shapes, Component.TEXT_ENCODER)
    image = component_shapes(whole.shapes, Component.IMAGE_ENCODER)
    return replace(
        config,
        text_encoder=detect_text_encoder(text, config.text_encoder)
        if has[Component.TEXT_ENCODER]
        else None,
        image_encoder=detect_image_encoder(image, config.image_encoder)
        if has[Component.IMAGE_ENCODER]
        else None,
    )


def _check(whole: Checkpoint, config: ModelConfig) -> None:
    """Compare every part with its network; what does not fit is not written."""
    for component in (*REQUIRED, *OPTIONAL):
        if part_of(config, component) is None:
            continue
        mismatch = compare(build_network(component, config, whole), whole.shapes, component)
        if mismatch:
            socket = _SOCKETS.get(component, "MODEL")
            wrong = (*mismatch.missing, *mismatch.wrong_shape, *mismatch.left_over)
            raise ModelMismatchError(
                f"The {socket} to be saved is not this ToonCrafter's: {len(wrong)} tensors are "
                f"other ones, such as {wrong[0]}. Nothing was written; connect the {socket} of the "
                "same 'Load ToonCrafter'."
            )
