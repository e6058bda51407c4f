"""The sketch encoder that training begins with: a trained one, or a copy of a denoiser's encoder.

A new one is made like a ControlNet: the encoder of an image model (Stable Diffusion 2.1, or the
denoiser, whose spatial layers come from it) with output layers that begin at zero.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ...checkpoints.files.read import Checkpoint, read_checkpoint
from ...checkpoints.keys import COMPONENT_KEYS, Component
from ...config.model import SketchEncoderConfig, UNetConfig
from ...errors import TrainingError
from ...layers.operations import Operations
from ...models.sketch_encoder import SketchEncoder
from ...sketches.guidance import load_sketch_encoder
from ..settings.config import StartConfig

OWN = (
    "zero_convs.", "middle_block_out.", "input_hint_block.",
    "matching.", "tell.", "certainty.",
)  # fmt: skip
"""Beginnings of the keys that an image model does not have."""


def start_sketch_encoder(
    config: StartConfig,
    denoiser: UNetConfig,
    weights: Mapping[str, Tensor],
    operations: Operations,
    seed: int,
) -> SketchEncoder:
    """The sketch encoder on the CPU, in float32.

    ``weights`` are the denoiser's own, copied where the settings name no image model. Errors of
    files as in ``checkpoints``; ``TrainingError`` for an image model that does not fit.
    """
    if config.sketch_encoder is not None:
        checkpoint = read_checkpoint(config.sketch_encoder)
        trained = load_sketch_encoder(checkpoint, dtype=torch.float32)
        encoder = SketchEncoder(trained.config, operations=operations)
        encoder.load_state_dict(trained.state_dict())
        return encoder
    encoder = SketchEncoder(encoder_config(denoiser), operations=operations)
    encoder.init_weights(torch.Generator().manual_seed(seed))
    name = "the denoiser"
    if config.image_model is not None:
        image_model = read_checkpoint(config.image_model)
        name, weights = image_model.name, _denoiser_tensors(image_model)
    copy_encoder(encoder, weights, name)
    return encoder


def encoder_config(denoiser: UNetConfig) -> SketchEncoderConfig:
    """The configuration of a denoiser's sketch encoder: the same sizes, without temporal layers."""
    return SketchEncoderConfig(
        in_channels=denoiser.out_channels,
        matches_keyframes=denoiser.warps_keyframes,
        model_channels=denoiser.model_channels,
        channel_mult=denoiser.channel_mult,
        num_res_blocks=denoiser.num_res_blocks,
        attention_resolutions=denoiser.attention_resolutions,
        num_head_channels=denoiser.num_head_channels,
        transformer_depth=denoiser.transformer_depth,
        context_dim=denoiser.context_dim,
        norm_groups=denoiser.norm_groups,
    )


@torch.no_grad()
def copy_encoder(encoder: SketchEncoder, weights: Mapping[str, Tensor], name: str) -> None:
    """Copy the encoder half of an image or video denoiser, own keys, into a sketch encoder.

    Layers that only the sketch encoder has (``OWN``) stay unchanged. The temporal layer in a video
    denoiser's middle block is left out, and of its first convolution the inputs for the keyframe
    latents. ``TrainingError`` when a tensor is missing or of another shape.
    """
    is_video = "middle_block.3.in_layers.0.weight" in weights
    for key, parameter in encoder.named_parameters():
        if key.startswith(OWN):
            continue
        source = key.replace("middle_block.2.", "middle_block.3.") if is_video else key
        value = weights.get(source)
        if value is not None and key == "input_blocks.0.0.weight":
            value = value[:, : parameter.shape[1]]
        if value is None or value.shape != parameter.shape:
            found = "is missing" if value is None else f"has the shape {tuple(value.shape)}"
            raise TrainingError(
                f"{name} cannot become a sketch encoder: '{source}' {found}, needed is "
                f"{tuple(parameter.shape)}. Stable Diffusion 2.1 goes with the published model."
            )
        parameter.copy_(value)


def _denoiser_tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    prefix = COMPONENT_KEYS[Component.DENOISER].prefix
    return {
        key.removeprefix(prefix): checkpoint[key] for key in checkpoint if key.startswith(prefix)
    }
