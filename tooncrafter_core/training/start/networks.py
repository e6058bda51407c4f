"""The networks that training begins with: from a checkpoint, new, or some of each."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ...checkpoints.detect import detect, field_of, part_of
from ...checkpoints.files.read import Checkpoint, read_checkpoint
from ...checkpoints.keys import COMPONENT_KEYS, OPTIONAL, REQUIRED, Component
from ...checkpoints.load import Models, build_network
from ...config.model import ModelConfig
from ...config.presets import PRESETS
from ...errors import TrainingError
from ...interpolation.loading import load_models
from ...layers.operations import TORCH_OPERATIONS, Operations
from ..settings.config import StartConfig

NETWORKS = (*REQUIRED, *OPTIONAL)
WARP_KEYS = f"{COMPONENT_KEYS[Component.AUTOENCODER].prefix}decoder.warp."
REFERENCE_WARP, PICTURE_CHOICE = "reference_warp", "picture_choice"
DECODER_PARTS = {REFERENCE_WARP: WARP_KEYS, PICTURE_CHOICE: f"{WARP_KEYS}choice."}
"""Parts of the decoder that can get new weights alone, and the beginnings of their keys."""


def start_models(config: StartConfig, operations: Operations, seed: int) -> Models:
    """Every network on the CPU, in float32, with weights that share no memory with a file.

    ``TrainingError`` when the settings name neither a checkpoint nor sizes, ``CheckpointError``
    for files that do not fit or lack an encoder.
    """
    fresh = _fresh_components(config)
    if config.checkpoint is None:
        if config.model is None:
            raise TrainingError(
                "There is nothing to begin with: name weights in start.checkpoint, or the sizes of "
                f"a new model in start.model ({', '.join(PRESETS)})."
            )
        return _new_models(_preset(config.model), NETWORKS, operations, seed)
    models = _load(config, operations, seed)
    if fresh:
        sizes = models.config if config.model is None else _preset(config.model)
        changed: dict[str, Any] = {field_of(c): part_of(sizes, c) for c in fresh}
        new = _new_models(replace(models.config, **changed), fresh, operations, seed)
        networks = {c.value: getattr(new, c.value) for c in fresh}
        models = replace(models, config=new.config, **networks)
    return models


def _load(config: StartConfig, operations: Operations, seed: int) -> Models:
    checkpoint = read_checkpoint(str(config.checkpoint))
    for part in DECODER_PARTS:
        if part in config.fresh:
            checkpoint = _with_new_part(checkpoint, part, seed)
    encoders = {
        component: file
        for component in OPTIONAL
        if (file := getattr(config, component.value)) is not None
    }
    needed = {
        component: f"Name it in start.{component.value}."
        for component in OPTIONAL
        if component.value not in config.fresh
    }
    return load_models(checkpoint, encoders, needed, dtype=torch.float32, operations=operations)


def _with_new_part(checkpoint: Checkpoint, part: str, seed: int) -> Checkpoint:
    """The same checkpoint with new weights for a part of the reference warp.

    In a whole new warp the layers that match the keyframes are copied from the denoiser, if it has
    them.
    """
    sizes = detect(checkpoint)
    if not sizes.autoencoder.warps_references:
        raise TrainingError(
            f"The decoder of {checkpoint.name} moves no references: take {part} out of start.fresh."
        )
    new = _new_models(sizes, (Component.AUTOENCODER,), TORCH_OPERATIONS, seed)
    prefix = COMPONENT_KEYS[Component.AUTOENCODER].prefix
    own = {prefix + key: value for key, value in new.autoencoder.state_dict().items()}
    begin = DECODER_PARTS[part]
    tensors = {
        key: checkpoint[key]
        for key in checkpoint
        # Tensors that only an earlier version's warp had are left out, too.
        if not key.startswith(begin) and (key in own or not key.startswith(WARP_KEYS))
    }
    tensors |= {key: value for key, value in own.items() if key.startswith(begin)}
    if part == REFERENCE_WARP:
        tensors |= _denoiser_matching(checkpoint, sizes)
    return Checkpoint.from_tensors(tensors, name=checkpoint.name, metadata=checkpoint.metadata)


def _denoiser_matching(checkpoint: Checkpoint, sizes: ModelConfig) -> dict[str, Tensor]:
    """The matching layers of a denoiser that warps keyframes, for the decoder."""
    matching = f"{COMPONENT_KEYS[Component.DENOISER].prefix}keyframe_warp.matching."
    known = {
        f"{WARP_KEYS}keyframe_matching.{key.removeprefix(matching)}": checkpoint[key].float()
        for key in checkpoint
        if key.startswith(matching)
    }
    # The denoiser's latents are scaled, the decoder's are not: the layers that read them scale.
    for layer in ("conv_in", "plain"):
        key = f"{WARP_KEYS}keyframe_matching.{layer}.weight"
        if key in known:
            known[key] = known[key] * sizes.diffusion.latent_scale
    return known


def _new_models(
    sizes: ModelConfig, components: tuple[Component, ...], operations: Operations, seed: int
) -> Models:
    """New networks of some components; None for the others."""
    networks: dict[str, nn.Module | None] = {component.value: None for component in NETWORKS}
    for number, component in enumerate(NETWORKS):
        if component not in components or part_of(sizes, component) is None:
            continue
        network: Any = build_network(component, sizes, operations=operations).to_empty(device="cpu")
        # A seed of its own, so that a network does not depend on which others are new.
        network.init_weights(torch.Generator().manual_seed(seed * len(NETWORKS) + number))
        networks[component.value] = network.eval()
    return Models(config=sizes, **networks)  # type: ignore[arg-type]


def _preset(name: str) -> ModelConfig:
    if name not in PRESETS:
        raise TrainingError(f"start.model is one of {', '.join(PRESETS)}; not '{name}'.")
    return PRESETS[name]


def _fresh_components(config: StartConfig) -> tuple[Component, ...]:
    names = [*(component.value for component in NETWORKS), *DECODER_PARTS]
    for name in config.fresh:
        if name not in names:
            raise TrainingError(f"start.fresh names components, {', '.join(names)}; not '{name}'.")
    return tuple(component for component in NETWORKS if component.value in config.fresh)
