"""Builds the networks of each stage, and writes what it has trained."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch

from ...checkpoints.keys import Component
from ...checkpoints.load import Models
from ...config.dtypes import torch_dtype
from ...errors import TrainingError
from ...layers.operations import Operations
from ..groups import Group
from ..loop.plain_attention import training_operations
from ..outputs.previewing import PreviewSettings
from ..outputs.publishing import write_model, write_sketch_encoder
from ..settings.config import RunConfig
from ..settings.read import groups_of
from ..stage import Stage
from ..start.lora import LoraAdapters, write_lora
from ..start.networks import start_models
from ..start.sketch_encoder import start_sketch_encoder
from .autoencoder_stage import AutoencoderStage
from .decoder_stage import DecoderStage
from .denoising import DenoisingStage
from .sketching import SketchStage

BuildStage = Callable[[RunConfig, torch.device], Stage]


WriteResult = Callable[[Stage, Path, str, bool], None]

FROZEN_ENCODERS = {
    Component.TEXT_ENCODER: Group.TEXT_ENCODER,
    Component.IMAGE_ENCODER: Group.IMAGE_ENCODER,
}


def preview_settings(config: RunConfig) -> PreviewSettings:
    """How the run's sample sheets are drawn."""
    return PreviewSettings(steps=config.output.sheet_steps)


def build_denoising(config: RunConfig, device: torch.device) -> Stage:
    """The stage ``base`` or ``rectify``."""
    operations = training_operations(config.machine.attention, device)
    models = _start(config, operations)
    _check_size(config, models)
    return DenoisingStage(models, config.stage, groups_of(config), preview_settings(config))


def build_lora(build: BuildStage, config: RunConfig, device: torch.device) -> Stage:
    """A stage in which LoRA products of the denoiser's attention layers learn."""
    stage = cast(DenoisingStage, build(config, device))
    lora, groups = config.lora, groups_of(config)
    adapters = LoraAdapters(stage.models.denoiser, groups, lora.rank, lora.alpha, config.seed)
    stage.learn_only(adapters)
    return stage


def write_stage_lora(stage: Stage, path: Path, dtype: str, is_main: bool) -> None:
    """Write the LoRA for ComfyUI's LoRA loaders."""
    if is_main:
        write_lora(cast(DenoisingStage, stage).lora, path, torch_dtype(dtype))


def build_sketch(config: RunConfig, device: torch.device) -> Stage:
    """The stage ``sketch``."""
    operations = training_operations(config.machine.attention, device)
    models = _trained_models(config, operations, "sketch")
    _check_size(config, models)
    encoder = start_sketch_encoder(
        config.start, models.config.unet, models.denoiser.state_dict(), operations, config.seed
    )
    return SketchStage(models, encoder, config.stage, groups_of(config), preview_settings(config))


def build_rectify(config: RunConfig, device: torch.device) -> Stage:
    """The stage ``rectify``."""
    _require_checkpoint(config, "rectify")
    return build_denoising(config, device)


def build_autoencoder(config: RunConfig, device: torch.device) -> Stage:
    """The stage ``autoencoder``."""
    operations = training_operations(config.machine.attention, device)
    models = _start(config, operations)
    return AutoencoderStage(models, config.stage, groups_of(config))


def build_decoder(config: RunConfig, device: torch.device) -> Stage:
    """The stage ``decoder``."""
    operations = training_operations(config.machine.attention, device)
    models = _trained_models(config, operations, "decoder")
    return DecoderStage(models, config.stage, groups_of(config), config.seed)


def _trained_models(config: RunConfig, operations: Operations, stage: str) -> Models:
    _require_checkpoint(config, stage)
    return _start(config, operations)


def _start(config: RunConfig, operations: Operations) -> Models:
    """The networks, the frozen encoders in the precision that is asked for."""
    models = start_models(config.start, operations, config.seed)
    for component, group in FROZEN_ENCODERS.items():
        network = getattr(models, component.value)
        if network is not None and group.value not in config.learn:
            network.to(torch_dtype(config.machine.frozen_precision))
    return models


def _check_size(config: RunConfig, models: Models) -> None:
    """``TrainingError`` when the denoiser cannot work on clips of this size."""
    multiple, data = models.config.size_multiple, config.data
    if data.width % multiple or data.height % multiple:
        raise TrainingError(
            f"Clips of {data.width}x{data.height} do not suit this model: data.width and "
            f"data.height must be multiples of {multiple}."
        )


def _require_checkpoint(config: RunConfig, stage: str) -> None:
    """``TrainingError`` when a stage that goes on from trained weights is given none."""
    if config.start.checkpoint is None:
        raise TrainingError(
            f"The stage '{stage}' {PREREQUISITES[stage]}: name the file in start.checkpoint."
        )


def write_stage_sketch_encoder(stage: Stage, path: Path, dtype: str, is_main: bool) -> None:
    """Write the sketch encoder alone, as it is published."""
    write_sketch_encoder(stage.sketch_encoder, path, dtype, is_main)  # type: ignore[arg-type]


def write_stage_model(stage: Stage, path: Path, dtype: str, is_main: bool) -> None:
    """Write a stage that holds a whole model."""
    write_model(stage.models, path, dtype, is_main)  # type: ignore[arg-type]


PREREQUISITES = {
    "rectify": "tunes a trained model (the published one, or one of the stage 'base')",
    "sketch": "guides a trained model (the published one, or one of the stage 'rectify')",
    "decoder": "goes on from a trained autoencoder (the published one, or one of the stage "
    "'autoencoder')",
}
