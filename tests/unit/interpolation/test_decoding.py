"""The second pass and the retreat to smaller chunks."""

import logging

import pytest
import torch
from torch import Tensor

from support.networks import deviation, filled, normal
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.interpolation.decoding import (
    DecodeEvents,
    DecodePlan,
    decode_video,
    second_pass_frames,
)
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from

ONCE = DecodePlan(second_pass=False)


class OutOfMemoryError(RuntimeError):
    """Stands for the device's."""


def is_it(error: Exception) -> bool:
    return isinstance(error, OutOfMemoryError)


def brightness_by_place(latents: Tensor, chunk: int) -> Tensor:
    """A decoder whose frames encode their place in the clip that was decoded, in steps of 1/100."""
    frames = latents.shape[2]
    video = torch.arange(frames).reshape(1, 1, frames, 1, 1) / 100
    return video.expand(1, 3, frames, 2, 2).clone()


def places(video: Tensor) -> list[int]:
    return [round(float(value) * 100) for value in video[0, 0, :, 0, 0]]


def official(frames: int) -> tuple[list[int], list[int]]:
    """Which frame of the second decode the published program puts where (SPEC 6.3); even counts."""
    return [frames // 2 - 2, frames // 2 - 1], [frames // 2 - 1, frames // 2]


@pytest.mark.parametrize("frames", range(1, 41))
def test_second_pass_takes_frames_of_the_same_time_and_no_keyframe(frames: int) -> None:
    kept, taken, replaced = second_pass_frames(frames)
    assert [kept[index] for index in taken] == replaced
    assert not {0, frames - 1} & set(replaced)
    if frames < 5:
        assert (kept, taken, replaced) == ([], [], [])
        return
    assert kept == [index for index in range(frames) if index not in (1, frames - 2)]
    if frames % 2 == 0:
        assert (taken, replaced) == official(frames)
    else:
        assert replaced == [frames // 2]


def test_second_pass_of_the_published_count() -> None:
    assert second_pass_frames(16) == ([0, *range(2, 14), 15], [6, 7], [7, 8])


@pytest.mark.parametrize("frames", range(2, 41))
def test_every_frame_of_a_clip_is_decoded_from_its_own_latents(frames: int) -> None:
    """Outside of the middle the clip is that of one pass; in it the times are the same."""
    passes = []

    def decode(latents: Tensor, chunk: int) -> Tensor:
        passes.append(latents.shape[2])
        return latents[:, :3] + (len(passes) - 1) / 1000

    times = (torch.arange(frames) / 100).reshape(1, 1, frames, 1, 1).expand(1, 4, frames, 1, 1)
    video = decode_video(decode, times)
    once = decode_video(lambda z, chunk: z[:, :3].clone(), times, ONCE)
    second = [round(float(v) * 1000) for v in (video - once)[0, 0, :, 0, 0]]
    middle = {(frames - 1) // 2, frames // 2} if frames >= 5 else set()
    assert second == [int(index in middle) for index in range(frames)]
    assert passes == ([frames, frames - 2] if middle else [frames])


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_clips_without_a_middle_are_decoded_once(frames: int) -> None:
    video = decode_video(brightness_by_place, torch.zeros(1, 4, frames, 1, 1))
    assert places(video) == list(range(frames))


def test_only_the_middle_comes_from_the_second_pass() -> None:
    latents = torch.zeros(1, 4, 8, 1, 1)
    assert places(decode_video(brightness_by_place, latents)) == [0, 1, 2, 2, 3, 5, 6, 7]
    once = decode_video(brightness_by_place, latents, ONCE)
    assert places(once) == list(range(8))


def test_video_is_clamped_and_the_latents_stay_as_they_came() -> None:
    latents = normal(1, 3, 4, 2, 2) * 3
    before = latents.clone()
    video = decode_video(lambda z, chunk: z.clone(), latents)
    assert video.abs().max() == 1
    assert torch.equal(latents, before)


class FrugalDecoder:
    """A decoder that runs out of memory above a number of frames at a time."""

    def __init__(self, limit: int) -> None:
        self.network = filled(Autoencoder(TINY.autoencoder, device="meta"))
        features = self.network.encode(normal(2, 3, 32, 32, seed=5).clamp(-1, 1)).features
        self.references = references_from(features)
        self.limit = limit
        self.tried: list[int] = []

    def __call__(self, latents: Tensor, chunk: int) -> Tensor:
        self.tried.append(chunk)
        if chunk > self.limit:
            raise OutOfMemoryError
        return self.network.decode(latents, self.references, chunk)


@torch.no_grad()
def test_out_of_memory_halves_the_chunk_and_gives_the_same_picture(
    caplog: pytest.LogCaptureFixture,
) -> None:
    latents = normal(1, 4, 6, 4, 4)
    expected = decode_video(FrugalDecoder(16), latents, DecodePlan(chunk=16))
    decoder, reported = FrugalDecoder(2), []
    with caplog.at_level(logging.WARNING):
        events = DecodeEvents(is_out_of_memory=is_it, on_retreat=reported.append)
        video = decode_video(decoder, latents, DecodePlan(chunk=16), events)
    # The second pass begins with the chunk that worked.
    assert decoder.tried == [16, 8, 4, 2, 2]
    assert reported == [8, 4, 2]
    assert "2 frames at a time" in caplog.text
    assert deviation(video, expected) < 2e-5


def test_out_of_memory_with_single_frames_is_reported() -> None:
    decoder = FrugalDecoder(0)
    with pytest.raises(OutOfMemoryError):
        decode_video(decoder, normal(1, 4, 4, 4, 4), None, DecodeEvents(is_out_of_memory=is_it))
    assert decoder.tried == [4, 2, 1]


def test_other_errors_are_not_retried() -> None:
    def broken(latents: Tensor, chunk: int) -> Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        decode_video(broken, torch.zeros(1, 4, 4, 1, 1))
