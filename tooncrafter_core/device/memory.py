"""Estimates the memory of each part besides its weights, from counted figures.

The factors are peak live bytes of the released architecture, counted on the meta device; they scale
with the base channels. ``tests/unit/test_memory.py`` counts them again.
"""

from typing import NamedTuple

import torch

from ..config.model import AutoencoderConfig, SketchEncoderConfig, UNetConfig

DENOISER_FACTOR = 33
"""Values alive at the peak per latent cell and base channel."""

SKETCH_ENCODER_FACTOR = 26
"""Values alive at the peak per latent cell and base channel, the residuals included."""

ENCODER_FACTOR = 5.2
"""Values alive at the peak per pixel and base channel, features for the decoder included."""

TILED_REFERENCES = 6.0
"""Values of the whole references alive per pixel and base channel while a tile is decoded."""

DENOISER_WORKSPACE = 1.25
"""Allocator slack and kernel workspace of the denoiser on top of counted live bytes."""

DECODER_WORKSPACE = 1.2
"""Allocator slack and kernel workspace of the decoder on top of counted live bytes."""

CHUNKS = (16, 8, 4, 2, 1)
"""Frames decoded at a time, as a budget chooses among them."""

TILE_OVERLAP = 8
"""Cells that neighbours share at least: 64 pixels to fade over."""

SMALLEST_TILE_SIDE = 20
"""Smallest tile; a smaller one would be mostly overlap."""


OUT_OF_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")
"""Messages of drivers and allocators that have no error class of their own."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that a device has no memory left, however its backend puts it.

    CUDA has a class for it. Its driver may fail elsewhere with ``torch.AcceleratorError``, and
    Apple's backend and the CPU's allocator raise a plain ``RuntimeError``.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in OUT_OF_MEMORY_WORDS)


class TileSize(NamedTuple):
    """Cells of latents, height first."""

    rows: int
    columns: int


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


def smaller_tile(tile: TileSize) -> TileSize | None:
    """Two of these side by side make ``tile``; None when it is too small to be divided."""
    rows, columns = tile
    half = (max(tile) + TILE_OVERLAP + 1) // 2
    if half < SMALLEST_TILE_SIDE:
        return None
    return TileSize(rows, half) if columns >= rows else TileSize(half, columns)


def tiled_bytes(
    config: AutoencoderConfig, frames: int, height: int, width: int, itemsize: int, tile: TileSize
) -> int:
    """Peak of decoding one clip in tiles, frame by frame.

    Besides the tile there are the whole references, their keys and values, and the video.
    """
    rows, columns = (side * config.downsampling for side in tile)
    part = decode_bytes(config, frames, rows, columns, itemsize, 1)
    whole = TILED_REFERENCES * config.channels * itemsize + 4 * config.out_channels * frames
    return part + int(whole * height * width)


def tile_within(
    config: AutoencoderConfig, size: tuple[int, int, int], itemsize: int, budget: int | None
) -> TileSize | None:
    """The largest tile that decodes frames, height and width within ``budget`` bytes.

    None when whole frames do, one at a time, or when the picture is too small to be divided; the
    smallest when nothing fits. ``budget`` includes the decoder's workspace.
    """
    if budget is None:
        return None
    limit = int(budget / DECODER_WORKSPACE)
    if decode_bytes(config, *size, itemsize, 1) <= limit:
        return None
    _, height, width = size
    chosen = None
    tile = smaller_tile(TileSize(height // config.downsampling, width // config.downsampling))
    while tile is not None:
        chosen = tile
        if tiled_bytes(config, *size, itemsize, tile) <= limit:
            break
        tile = smaller_tile(tile)
    return chosen


def choose_chunk(
    config: AutoencoderConfig, size: tuple[int, int, int], itemsize: int, budget: int,
    largest: int = 4,
) -> int:  # fmt: skip
    """The largest chunk up to ``largest`` that decodes frames, height and width within ``budget``.

    ``budget`` is in bytes. At least 1.
    """
    for chunk in CHUNKS:
        needed = decode_bytes(config, *size, itemsize, chunk)
        if chunk <= largest and needed <= budget:
            return chunk
    return 1


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be had on a device; None where nobody can say."""
    if device.type != "cuda":
        return None
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + cached


def chunk_within(
    config: AutoencoderConfig, size: tuple[int, int, int], itemsize: int, budget: int | None,
    wanted: int,
) -> int:  # fmt: skip
    """The ``wanted`` chunk for frames, height and width, or the largest below that fits.

    ``budget`` is in bytes and includes the decoder's workspace; None is without limit.
    """
    if budget is None:
        return wanted
    limit = int(budget / DECODER_WORKSPACE)
    if decode_bytes(config, *size, itemsize, wanted) <= limit:
        return wanted
    return choose_chunk(config, size, itemsize, limit, largest=wanted)
