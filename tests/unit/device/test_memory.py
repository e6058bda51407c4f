"""Memory estimates against exact counts on the meta device, and the budgets of the real size."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from support.counting import GIB, Counts, FusedAttentionOperations, count
from tooncrafter_core.config.model import AutoencoderConfig, UNetConfig
from tooncrafter_core.device.memory import (
    DECODER_WORKSPACE,
    TileSize,
    choose_chunk,
    chunk_within,
    decode_bytes,
    denoiser_bytes,
    encode_bytes,
    free_memory,
    tile_within,
    tiled_bytes,
)
from tooncrafter_core.interpolation.tiling import decode_in_tiles
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder
from tooncrafter_core.models.denoiser import Denoiser

BF16, BYTES = torch.bfloat16, 2
OPERATIONS = FusedAttentionOperations()

SLACK = 1.3
"""An estimate may be this much above the count, never below."""


def empty(*shape: int) -> Tensor:
    return torch.empty(*shape, dtype=BF16, device="meta")


@cache
def denoiser() -> Denoiser:
    return Denoiser(UNetConfig(), operations=OPERATIONS, dtype=BF16, device="meta")


@cache
def autoencoder() -> Autoencoder:
    config = AutoencoderConfig()
    return Autoencoder(config, operations=OPERATIONS, dtype=BF16, device="meta")


def denoiser_inputs(batch: int, frames: int, height: int, width: int) -> tuple[Tensor, ...]:
    return (
        empty(batch, 8, frames, height, width), empty(batch), empty(batch, 77, 1024),
        empty(batch, frames, 16, 1024), empty(batch),
    )  # fmt: skip


@cache
def count_denoiser(batch: int, frames: int, height: int, width: int) -> Counts:
    return count(denoiser(), *denoiser_inputs(batch, frames, height, width))


@cache
def count_encode(images: int, height: int, width: int) -> Counts:
    return count(autoencoder().encode, empty(images, 3, height, width))


def empty_references(height: int, width: int) -> list[Tensor]:
    channels = (128, 256, 512, 512)
    levels = [
        empty(1, wide, 2, height >> level, width >> level) for level, wide in enumerate(channels)
    ]
    return [*levels, empty(1, 128, 2, height, width)]


@cache
def count_decode(frames: int, height: int, width: int, chunk: int) -> Counts:
    references = empty_references(height, width)
    network = autoencoder()

    def decode(z: Tensor, *features: Tensor) -> Tensor:
        return network.decode(z, features, chunk)

    return count(decode, empty(1, 4, frames, height // 8, width // 8), *references)


def assert_estimates(estimate: int, counts: Counts) -> None:
    assert counts.peak <= estimate <= SLACK * counts.peak, (
        f"estimated {estimate / GIB:.3f} GiB, counted {counts.peak / GIB:.3f}"
    )


@pytest.mark.parametrize(
    ("batch", "frames", "height", "width"),
    [(1, 16, 40, 64), (2, 16, 40, 64), (1, 8, 40, 64), (1, 32, 40, 64), (1, 16, 72, 128),
     (3, 16, 32, 32)],
)  # fmt: skip
def test_denoiser_estimate_is_just_above_the_count(
    batch: int, frames: int, height: int, width: int
) -> None:
    estimate = denoiser_bytes(UNetConfig(), batch, frames, height, width, BYTES)
    assert_estimates(estimate, count_denoiser(batch, frames, height, width))


@pytest.mark.parametrize(
    ("images", "height", "width"), [(1, 320, 512), (2, 320, 512), (2, 576, 1024), (2, 64, 64)]
)
def test_encoder_estimate_is_just_above_the_count(images: int, height: int, width: int) -> None:
    estimate = encode_bytes(AutoencoderConfig(), images, height, width, BYTES)
    assert_estimates(estimate, count_encode(images, height, width))


@pytest.mark.parametrize(
    ("frames", "height", "width", "chunk"),
    [(16, 320, 512, chunk) for chunk in (1, 4, 8, 16)]
    + [(1, 320, 512, 4), (2, 320, 512, 1), (2, 320, 512, 4), (4, 320, 512, 2), (8, 320, 512, 4)]
    + [(32, 320, 512, 8), (16, 576, 1024, 4)],
)
def test_decoder_estimate_is_just_above_the_count(
    frames: int, height: int, width: int, chunk: int
) -> None:
    estimate = decode_bytes(AutoencoderConfig(), frames, height, width, BYTES, chunk)
    assert_estimates(estimate, count_decode(frames, height, width, chunk))


@pytest.mark.parametrize("tile", [(40, 36), (24, 36)])
def test_tiles_estimate_is_just_above_the_count(tile: tuple[int, int]) -> None:
    size = TileSize(*tile)

    def decode(z: Tensor, *features: Tensor) -> Tensor:
        return decode_in_tiles(autoencoder(), z, features, size)

    counts = count(decode, empty(1, 4, 4, 40, 64), *empty_references(320, 512))
    assert_estimates(tiled_bytes(AutoencoderConfig(), 4, 320, 512, BYTES, size), counts)


def test_tiles_are_chosen_only_where_one_frame_at_a_time_does_not_fit() -> None:
    config, size = AutoencoderConfig(), (16, 320, 512)
    needed = int(decode_bytes(config, *size, BYTES, 1) * DECODER_WORKSPACE) + 2
    assert tile_within(config, size, BYTES, None) is None
    assert tile_within(config, size, BYTES, needed) is None
    assert tile_within(config, size, BYTES, needed - 100) == (40, 36)
    assert tile_within(config, size, BYTES, 0) == (24, 22)
    assert tile_within(config, (16, 64, 64), BYTES, 0) is None


def test_chosen_chunk_is_the_largest_that_fits() -> None:
    config, size = AutoencoderConfig(), (16, 320, 512, BYTES)
    for chunk in (1, 2, 4, 8, 16):
        needed = decode_bytes(config, *size, chunk)
        assert choose_chunk(config, size[:3], size[3], budget=needed, largest=16) == chunk
    assert choose_chunk(config, size[:3], size[3], budget=2**60) == 4
    assert choose_chunk(config, size[:3], size[3], budget=0) == 1


def test_a_budget_lowers_the_wanted_chunk_and_never_raises_it() -> None:
    config, size = AutoencoderConfig(), (16, 320, 512)

    def chosen(gigabytes: float | None, wanted: int) -> int:
        budget = None if gigabytes is None else int(gigabytes * GIB)
        return chunk_within(config, size, BYTES, budget, wanted)

    assert [chosen(limit, 3) for limit in (None, 8, 2.5, 2.2, 0.1)] == [3, 3, 3, 2, 1]
    assert chosen(8, 16) == 16 and chosen(3, 16) == 4


def test_only_a_device_with_its_own_memory_says_what_is_free() -> None:
    assert free_memory(torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("counted", "budget"),
    [
        (lambda: count_encode(2, 320, 512), 0.5),
        (lambda: count_denoiser(1, 16, 40, 64), 0.8),
        (lambda: count_denoiser(2, 16, 40, 64), 1.6),
        (lambda: count_decode(16, 320, 512, 4), 2.4),
    ],
    ids=["encode-two", "denoiser", "denoiser-batch-2", "decode"],
)
def test_published_size_stays_within_its_memory_budget(
    counted: Callable[[], Any], budget: float
) -> None:
    assert counted().peak < budget * GIB


def test_denoiser_stays_within_its_budget_of_work() -> None:
    OPERATIONS.attention_flops = 0
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        denoiser()(*denoiser_inputs(1, 16, 40, 64))
    assert flops.get_total_flops() + OPERATIONS.attention_flops <= 12.6e12
    assert count_denoiser(1, 16, 40, 64).operators <= 1600
