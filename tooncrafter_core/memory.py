"""How much memory each part needs besides its weights, from counted figures.

The factors are peak live bytes of the released architecture, counted on the meta device; they scale
with the base channels. ``tests/unit/test_memory.py`` counts them again.
"""

from .config import AutoencoderConfig, SketchEncoderConfig, UNetConfig

DENOISER_FACTOR = 33
"""Values alive at the peak per latent cell and base channel."""

SKETCH_ENCODER_FACTOR = 26
"""Values alive at the peak per latent cell and base channel, the residuals included."""

ENCODER_FACTOR = 5.2
"""Values alive at the peak per pixel and base channel, features for the decoder included."""

CHUNKS = (16, 8, 4, 2, 1)
"""Frames decoded at a time, as a budget chooses among them."""


def denoiser_bytes(
    config: UNetConfig, batch: int, frames: int, height: int, width: int, itemsize: int
) -> int:
    """Peak of one forward pass on ``batch`` clips of latents."""
    return DENOISER_FACTOR * config.model_channels * batch * frames * height * width * itemsize


def sketch_encoder_bytes(
    config: SketchEncoderConfig, batch: int, frames: int, height: int, width: int, itemsize: int
) -> int:
    """Peak of one pass of the sketch encoder on ``batch`` clips of latents."""
    cells = batch * frames * height * width
    return int(SKETCH_ENCODER_FACTOR * config.model_channels * cells * itemsize)


def encode_bytes(
    config: AutoencoderConfig, images: int, height: int, width: int, itemsize: int
) -> int:
    """Peak of encoding images of height x width pixels together."""
    return int(ENCODER_FACTOR * config.channels * images * height * width * itemsize)


def decode_bytes(
    config: AutoencoderConfig, frames: int, height: int, width: int, itemsize: int, chunk: int
) -> int:
    """Peak of decoding one clip to height x width pixels, ``chunk`` frames at a time.

    Clip and chunk peak together in one of two places: where a whole clip at full size is mixed
    over time, or where the chunk has twice the channels. The constants are the references.
    """
    chunk = min(chunk, frames)
    mixing, widest = 2 * frames + 2 * chunk + 10.7, 1.5 * frames + 6 * chunk + 6.7
    return int(max(mixing, widest) * config.channels * height * width * itemsize)


def choose_chunk(
    config: AutoencoderConfig,
    frames: int,
    height: int,
    width: int,
    itemsize: int,
    budget: int,
    largest: int = 4,
) -> int:
    """The largest chunk up to ``largest`` that decodes within ``budget`` bytes; at least 1."""
    for chunk in CHUNKS:
        needed = decode_bytes(config, frames, height, width, itemsize, chunk)
        if chunk <= largest and needed <= budget:
            return chunk
    return 1
