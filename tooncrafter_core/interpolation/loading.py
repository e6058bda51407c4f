"""Networks of a checkpoint, with encoders from files of their own where it has none."""

from collections.abc import Mapping
from pathlib import Path

import torch

from ..checkpoints.convert_encoders import encoder_checkpoint, with_encoder
from ..checkpoints.detect import detect, part_of
from ..checkpoints.files.read import Checkpoint, read_checkpoint
from ..checkpoints.keys import COMPONENT_KEYS, Component, where_to_get
from ..checkpoints.load import Models, build_models
from ..errors import CheckpointError
from ..layers.operations import TORCH_OPERATIONS, Operations
from ..models.clip.encoders import ImageEncoder, TextEncoder


def load_models(
    checkpoint: Checkpoint,
    encoders: Mapping[Component, str | Path],
    needed: Mapping[Component, str],
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    operations: Operations = TORCH_OPERATIONS,
) -> Models:
    """Every network of a checkpoint, frozen, with the encoders of the files that are named.

    ``needed`` are the encoders that must be in the checkpoint or in a file, each with what to do
    when it is in none. ``CheckpointError`` for wrong or missing files, before the large ones are
    read. ``dtype``, ``device`` and ``operations`` as in ``build_models``.
    """
    config = detect(checkpoint)
    opened = {
        component: encoder_checkpoint(read_checkpoint(file), component, config)
        for component, file in encoders.items()
    }
    for component, what_to_do in needed.items():
        if part_of(config, component) is None and component not in opened:
            raise missing_encoder(component, what_to_do)
    models = build_models(checkpoint, dtype, device, operations)
    for component, encoder in opened.items():
        models = with_encoder(models, encoder, component, dtype=dtype, device=device)
    return models


def missing_encoder(component: Component, what_to_do: str = "") -> CheckpointError:
    """The error for a checkpoint without an encoder; ``what_to_do`` ends its message."""
    return CheckpointError(
        f"This checkpoint has no {COMPONENT_KEYS[component].title}. {where_to_get(component)} "
        f"A separate file of it (CLIP ViT-H, as ComfyUI uses) does as well. {what_to_do}".rstrip()
    )


def require_encoders(models: Models) -> tuple[TextEncoder, ImageEncoder]:
    """The text and the image encoder; ``CheckpointError`` when one is not there."""
    if models.text_encoder is None:
        raise missing_encoder(Component.TEXT_ENCODER)
    if models.image_encoder is None:
        raise missing_encoder(Component.IMAGE_ENCODER)
    return models.text_encoder, models.image_encoder
