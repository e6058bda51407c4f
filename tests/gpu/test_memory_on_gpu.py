"""What decoding does when a GPU's memory is short, and what is said to be free there."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from support.networks import deviation, filled, normal
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.device.memory import free_memory
from tooncrafter_core.interpolation.decoding import DecodeEvents, DecodePlan, decode_video
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from

pytestmark = pytest.mark.gpu

FRAMES, ROWS, COLUMNS = 16, 24, 32
"""Of the latents: large enough that a chunk of all frames takes twice the memory of one."""
SAME = 2e-5
"""Relative to the standard deviation, in float32."""


class Decoder:
    """The tiny decoder on a device, with references of two pictures."""

    def __init__(self, device: torch.device) -> None:
        self.network = filled(Autoencoder(TINY.autoencoder, device="meta")).to(device)
        pictures = normal(2, 3, 8 * ROWS, 8 * COLUMNS, seed=5).clamp(-1, 1).to(device)
        self.references = references_from(self.network.encode(pictures).features)
        self.latents = normal(1, 4, FRAMES, ROWS, COLUMNS).to(device)

    def __call__(self, latents: Tensor, chunk: int) -> Tensor:
        return self.network.decode(latents, self.references, chunk)

    def peak(self, chunk: int) -> int:
        """Bytes allocated at the most while decoding."""
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        self(self.latents, chunk)
        return torch.cuda.max_memory_allocated()


@pytest.fixture(scope="module")
def decoder(device: torch.device) -> Decoder:
    """One for all tests; its networks are made without gradients."""
    with torch.no_grad():
        return Decoder(device)


@contextmanager
def capped(device: torch.device, limit: int) -> Iterator[None]:
    """Let torch take no more than ``limit`` bytes of the GPU within the block."""
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(limit / total, device.index)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device.index)


def test_chunks_of_any_length_decode_to_the_same_video(decoder: Decoder) -> None:
    expected = decoder(decoder.latents, FRAMES)
    for chunk in (1, 2, 4):
        assert deviation(decoder(decoder.latents, chunk), expected) < SAME, f"chunk of {chunk}"


def test_a_smaller_chunk_takes_less_memory(decoder: Decoder) -> None:
    peaks = [decoder.peak(chunk) for chunk in (1, 4, 16)]
    assert peaks == sorted(set(peaks)), f"{[peak / 2**20 for peak in peaks]} MiB"


def test_out_of_memory_halves_the_chunk_and_gives_the_same_picture(
    decoder: Decoder, device: torch.device
) -> None:
    expected = decode_video(decoder, decoder.latents, DecodePlan(chunk=FRAMES))
    limit = (decoder.peak(1) + decoder.peak(FRAMES)) // 2
    reported: list[int] = []
    with capped(device, limit):
        events = DecodeEvents(on_retreat=reported.append)
        video = decode_video(decoder, decoder.latents, DecodePlan(chunk=FRAMES), events)
    assert reported and reported == [8, 4, 2, 1][: len(reported)]
    assert deviation(video, expected) < SAME


def test_out_of_memory_with_single_frames_is_reported(
    decoder: Decoder, device: torch.device
) -> None:
    limit = torch.cuda.memory_allocated() + 2**24
    with capped(device, limit), pytest.raises(torch.cuda.OutOfMemoryError):
        decode_video(decoder, decoder.latents)


def test_what_is_free_shrinks_by_what_is_taken(device: torch.device) -> None:
    torch.cuda.empty_cache()
    before, size = free_memory(device), 2**28
    ballast = torch.empty(size, dtype=torch.uint8, device=device)
    after = free_memory(device)
    assert before is not None and after is not None
    assert abs(before - after - size) < 2**25
    del ballast
    freed = free_memory(device)
    assert freed is not None and abs(freed - before) < 2**25
