"""Decoding in spatial tiles, for devices that cannot hold even one frame. Approximate.

Norms and the attention among a frame's pixels see one tile at a time, so neighbours differ a
little; they overlap, and fade into each other. Attention to the references sees them whole.

Legend: b batch, t frames, c channels, h w space, r references (2). Tiles are measured in cells of
latents.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from ..device.memory import TILE_OVERLAP, TileSize
from ..models.autoencoder.autoencoder import Autoencoder

logger = logging.getLogger(__name__)


class Span(NamedTuple):
    """One tile's place along one side."""

    start: int
    stop: int


def spans(length: int, side: int) -> list[Span]:
    """As few tiles as cover ``length`` with the overlap, evenly spread."""
    if side >= length:
        return [Span(0, length)]
    overlap = min(TILE_OVERLAP, side // 2)
    number = -(-(length - overlap) // (side - overlap))
    starts = [round(index * (length - side) / (number - 1)) for index in range(number)]
    return [Span(start, start + side) for start in starts]


def seam_weights(places: Sequence[Span], scale: int) -> list[Tensor]:
    """How much each tile counts at each of its pixels along one side; all tiles together 1."""
    length = places[-1].stop * scale
    position = torch.arange(length, dtype=torch.float64) + 0.5
    shares = torch.stack([torch.ones(length, dtype=torch.float64) for _ in places])
    for share, place in zip(shares, places, strict=True):
        share[: place.start * scale] = 0
        share[place.stop * scale :] = 0
    for index in range(1, len(places)):
        begin, end = places[index].start * scale, places[index - 1].stop * scale
        rising = ((position - begin) / (end - begin)).clamp(0, 1)
        shares[index] *= rising
        shares[index - 1] *= 1 - rising
    shares /= shares.sum(0)
    return [
        share[place.start * scale : place.stop * scale].float()
        for share, place in zip(shares, places, strict=True)
    ]


def decode_in_tiles(
    autoencoder: Autoencoder, z: Tensor, references: Sequence[Tensor], tile: TileSize
) -> Tensor:
    """Decode b 4 t h w latents tile by tile and frame by frame to b 3 t 8h 8w, float32.

    ``references`` are those of ``Autoencoder.decode``. A tile that holds the whole picture gives
    exactly what ``Autoencoder.decode`` gives.
    """
    config, scale = autoencoder.config, autoencoder.config.downsampling
    down, across = (spans(length, side) for length, side in zip(z.shape[-2:], tile, strict=True))
    batch, _, frames, height, width = z.shape
    size = (batch, config.out_channels, frames, height * scale, width * scale)
    video = torch.zeros(size, device=z.device)
    for rows, row_weights in zip(down, seam_weights(down, scale), strict=True):
        for columns, column_weights in zip(across, seam_weights(across, scale), strict=True):
            near = [
                reference
                if level in config.reference_attention_levels
                else _cut(reference, rows, columns, reference.shape[-2] // height)
                for level, reference in enumerate(references)
            ]
            part = autoencoder.decode(_cut(z, rows, columns, 1), near, chunk=1).float()
            weights = rearrange(row_weights, "h -> h 1") * column_weights
            _cut(video, rows, columns, scale).add_(part.mul_(weights.to(part.device)))
    return video


def log_tiles(tile: TileSize, scale: int = 8) -> None:
    """Say that tiles were needed."""
    logger.warning("%s", tiles_notice(tile, scale))


def tiles_notice(tile: TileSize, scale: int = 8) -> str:
    """The warning for tiles of this size."""
    return (
        f"Not even one frame fits in memory, so the decoder works in tiles of "
        f"{tile.columns * scale}x{tile.rows * scale} pixels. This is approximate: light and colour "
        "may differ a little between tiles. More memory or a smaller picture is exact."
    )


def _cut(x: Tensor, rows: Span, columns: Span, scale: int) -> Tensor:
    """A view of the tile's part of ... h w, which has ``scale`` places for a cell."""
    return x[
        ..., rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale
    ]
