"""Finds what no model can be like in a configuration: counts that do not divide, useless numbers.

What shapes determine has been compared with the tensors by then. This checks the rest, which comes
from a file's own description or is supposed to be the published model's.
"""

import math
from collections.abc import Iterator

from ..config.model import DiffusionConfig, ModelConfig, SketchEncoderConfig, UNetConfig

LONGEST_SCHEDULE = 100_000
"""Timesteps; a longer schedule is a mistake, and would fill the memory."""


def impossible(config: ModelConfig | SketchEncoderConfig) -> list[str]:
    """Every fault, in words that name the fields; empty for a configuration that can be built."""
    if isinstance(config, SketchEncoderConfig):
        return list(_sampling_network("sketch_encoder", config))
    found = [*_sampling_network("unet", config.unet), *_diffusion(config.diffusion)]
    autoencoder, text, image = config.autoencoder, config.text_encoder, config.image_encoder
    found += _divides("autoencoder", autoencoder, "norm_groups", "channels")
    heads = ("reference_heads", "reference_dim_head")
    found += _positive("autoencoder", autoencoder, *heads)
    found += _positive("resampler", config.resampler, "heads", "dim_head", "num_queries")
    found += _positive("unet", config.unet, "init_attention_heads", "default_fps")
    if text is not None:
        found += _positive("text_encoder", text, "layers")
        found += _divides("text_encoder", text, "heads", "width")
    if image is not None:
        found += _positive("image_encoder", image, "layers")
        found += _divides("image_encoder", image, "head_width", "width")
    return found


def _sampling_network(part: str, config: UNetConfig | SketchEncoderConfig) -> Iterator[str]:
    """The denoiser's faults, or the sketch encoder's, which is laid out like it."""
    yield from _divides(part, config, "norm_groups", "model_channels")
    if config.num_head_channels < 1:
        yield f"{part}.num_head_channels is {config.num_head_channels}"
        return
    for level, mult in enumerate(config.channel_mult):
        width = mult * config.model_channels
        attends = 2**level in config.attention_resolutions
        if attends and width % config.num_head_channels:
            yield (
                f"{part}.num_head_channels {config.num_head_channels} does not divide the width "
                f"{width} of level {level}"
            )


def _diffusion(config: DiffusionConfig) -> Iterator[str]:
    for name in ("num_timesteps", "scale_steps"):
        if not 1 <= getattr(config, name) <= LONGEST_SCHEDULE:
            yield f"diffusion.{name} is {getattr(config, name)}"
    if config.num_timesteps == 1:
        yield "diffusion.num_timesteps is 1"
    if not 0 < config.linear_start < config.linear_end < 1:
        yield f"diffusion.linear_start is {config.linear_start}, linear_end {config.linear_end}"
    for name in ("base_scale", "latent_scale"):
        value = getattr(config, name)
        if not (math.isfinite(value) and value > 0):
            yield f"diffusion.{name} is {value}"


def _positive(part: str, config: object, *names: str) -> Iterator[str]:
    for name in names:
        if getattr(config, name) < 1:
            yield f"{part}.{name} is {getattr(config, name)}"


def _divides(part: str, config: object, name: str, whole: str) -> Iterator[str]:
    divisor, size = getattr(config, name), getattr(config, whole)
    if divisor < 1 or size % divisor:
        yield f"{part}.{name} {divisor} does not divide {part}.{whole} {size}"
