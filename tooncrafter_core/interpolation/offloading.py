"""Offloading: networks are on the device only for their own stage, with batches that fit.

The weights are frozen, so leaving means taking up the waiting ones again: nothing is copied back.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from ..config.model import AutoencoderConfig, ModelConfig, UNetConfig
from ..device.memory import (
    DECODER_WORKSPACE,
    DENOISER_WORKSPACE,
    chunk_within,
    decode_bytes,
    denoiser_bytes,
    free_memory,
    tile_within,
)
from ..layers.kernels.memory_order import arrange_weights
from .decoding import DecodePlan
from .settings import InterpolationSettings


@contextmanager
def visiting(device: torch.device | None, *networks: nn.Module | None) -> Iterator[None]:
    """Keep the networks' weights on ``device`` within the block; None leaves them where they are.

    Afterwards they are the very tensors that they were before.
    """
    tensors = [
        tensor
        for network in networks
        if network is not None and device is not None
        for tensor in chain(network.parameters(), network.buffers())
    ]
    waiting = [tensor.data for tensor in tensors]
    try:
        for tensor in tensors:
            tensor.data = tensor.data.to(device, copy=True)
        for network in networks:
            if network is not None and device is not None:
                arrange_weights(network)
        yield
    finally:
        for tensor, data in zip(tensors, waiting, strict=True):
            tensor.data = data


def job_bytes(
    config: ModelConfig, settings: InterpolationSettings, weights: int, itemsize: int
) -> int:
    """What a job takes with all ``weights`` (bytes) on the device at its greatest need."""
    frames, multiple = settings.num_frames, config.size_multiple
    height, width = (-(-side // multiple) * multiple for side in (settings.height, settings.width))
    rows, columns = (side // config.autoencoder.downsampling for side in (height, width))
    batch = 2 if settings.batch_guidance else 1
    sampling = denoiser_bytes(config.unet, batch, frames, rows, columns, itemsize)
    decoding = decode_bytes(
        config.autoencoder, frames, height, width, itemsize, settings.decode_chunk
    )
    return weights + int(DECODER_WORKSPACE * max(sampling, decoding))


def batches_guidance(
    config: UNetConfig,
    settings: InterpolationSettings,
    shape: Sequence[int],
    device: torch.device,
    dtype: torch.dtype,
    *,
    with_sketches: bool = False,
) -> bool:
    """Whether to predict in one call for all that guidance compares, for latents ``b 4 t h w``.

    Where nobody asked for it or against it, a GPU does when it has the memory; on a CPU nothing is
    won. ``dtype`` is what the denoiser computes in.
    """
    if settings.batch_guidance is not None:
        return settings.batch_guidance
    free = free_memory(device)
    if free is None:
        return False
    batch = shape[0] * (2 if settings.image_guidance_scale is None else 3)
    frames, height, width = shape[2:]
    needed = denoiser_bytes(config, batch, frames, height, width, dtype.itemsize)
    if with_sketches:
        needed *= 2  # a sketch encoder needs less than the denoiser
    return needed * DENOISER_WORKSPACE <= free


def decode_plan(
    config: AutoencoderConfig, z: Tensor, settings: InterpolationSettings
) -> DecodePlan:
    """How latents ``z``, ``b 4 t h w``, are decoded within the memory that they may take.

    At most as many frames at a time as asked for; tiles where they are allowed and needed.
    """
    frames, height, width = z.shape[2:]
    size = frames, height * config.downsampling, width * config.downsampling
    given, itemsize = settings.memory_budget, z.element_size()
    budget = free_memory(z.device) if given is None else given * 2**20
    return DecodePlan(
        second_pass=settings.second_pass,
        chunk=chunk_within(config, size, itemsize, budget, settings.decode_chunk),
        allows_tiles=settings.tiles,
        tile=tile_within(config, size, itemsize, budget) if settings.tiles else None,
    )
