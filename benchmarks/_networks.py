"""Networks and inputs for measurements: random numbers, which run as fast as trained ones."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from tooncrafter_core.conditioning.condition import Condition
from tooncrafter_core.config.model import AutoencoderConfig, ModelConfig, UNetConfig
from tooncrafter_core.layers.operations import TORCH_OPERATIONS, Operations
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder
from tooncrafter_core.models.denoiser import Denoiser
from tooncrafter_core.models.projector import Resampler

MEDIUM = replace(
    ModelConfig(),
    unet=UNetConfig(model_channels=64, num_res_blocks=1, num_head_channels=32, context_dim=256),
    autoencoder=AutoencoderConfig(channels=64, num_res_blocks=1),
)
"""Large enough that arithmetic decides, small enough for two CPU cores."""


def fill(network: nn.Module) -> nn.Module:
    """Give every weight a random number of a size that keeps activations finite."""
    network.eval().requires_grad_(False)
    if any(value.is_meta for value in network.parameters()):
        return network
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.ndim > 1:
                value.normal_(std=value[0].numel() ** -0.5)
            elif name.endswith("weight"):
                value.fill_(1.0)  # of a norm
            else:
                value.zero_()
    return network


def make_denoiser(
    config: UNetConfig, device: torch.device, dtype: torch.dtype,
    operations: Operations = TORCH_OPERATIONS,
) -> Denoiser:  # fmt: skip
    """A denoiser with random weights."""
    network = Denoiser(config, operations=operations, dtype=dtype, device=device)
    fill(network)
    return network


def make_autoencoder(
    config: AutoencoderConfig, device: torch.device, dtype: torch.dtype,
    operations: Operations = TORCH_OPERATIONS,
) -> Autoencoder:  # fmt: skip
    """An autoencoder with random weights."""
    network = Autoencoder(config, operations=operations, dtype=dtype, device=device)
    fill(network)
    return network


def make_projector(config: ModelConfig, device: torch.device, dtype: torch.dtype) -> Resampler:
    """A projector with random weights."""
    network = Resampler(config.resampler, dtype=dtype, device=device)
    fill(network)
    return network


def make_conditions(
    config: ModelConfig, num_frames: int, height: int, width: int, device: torch.device,
    dtype: torch.dtype,
) -> tuple[Condition, Condition]:  # fmt: skip
    """A conditional and an unconditional condition for latents of height x width cells."""
    made = []
    for _ in range(2):
        dim = config.unet.context_dim
        made.append(
            Condition(
                text=torch.randn(1, 77, dim, device=device, dtype=dtype),
                image_tokens=torch.randn(1, num_frames, 16, dim, device=device, dtype=dtype),
                keyframe_latents=torch.randn(
                    1, 4, num_frames, height, width, device=device, dtype=dtype
                ),
                motion_fps=torch.full((1,), 10.0, device=device),
            )
        )
    return made[0], made[1]


def make_references(
    config: AutoencoderConfig, height: int, width: int, device: torch.device, dtype: torch.dtype
) -> list[Tensor]:
    """Features of two images of height x width pixels, as the encoder gives them."""
    sizes = [
        (config.channels * mult, height >> level, width >> level)
        for level, mult in enumerate(config.channel_mult)
    ]
    sizes.append((config.channels, height, width))
    return [torch.randn(1, c, 2, h, w, device=device, dtype=dtype) for c, h, w in sizes]
