"""Two keyframes in, a video out, with the tiny model."""

import logging
from dataclasses import replace
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor

from support.networks import normal
from support.tiny import steady_models, tiny_models
from tooncrafter_core.checkpoints import build_models
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint, made_up_sketch_encoder
from tooncrafter_core.config.presets import MINI, MINI_SKETCH, TINY
from tooncrafter_core.diffusion.samplers import SamplingProgress
from tooncrafter_core.errors import CheckpointError, KeyframeError, ToonCrafterError
from tooncrafter_core.interpolation import pipeline
from tooncrafter_core.interpolation.offloading import decode_plan
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes

FIRST, LAST = normal(3, 70, 90, seed=1).clamp(-1, 1), normal(3, 64, 64, seed=2).clamp(-1, 1)
ENDS = Keyframes.at_ends(FIRST, LAST)
QUICK = InterpolationSettings(width=64, height=64, num_frames=4, steps=2)


def draw(first: Tensor = FIRST, last: Tensor = LAST, **changes: Any) -> Tensor:
    return interpolate(tiny_models(), Keyframes.at_ends(first, last), replace(QUICK, **changes))


def test_same_seed_gives_the_same_frames_and_another_seed_others() -> None:
    video = draw()
    assert video.shape == (1, 3, 4, 64, 64)
    assert video.dtype == torch.float32 and video.abs().max() <= 1
    assert torch.equal(draw(), video)
    assert not torch.equal(draw(seed=7), video)


@pytest.mark.parametrize("frames", [2, 3, 8, 15, 17, 24])
def test_frame_counts_the_model_was_not_trained_on_work(frames: int) -> None:
    video = draw(num_frames=frames, steps=1)
    assert video.shape[2] == frames and torch.isfinite(video).all()


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch", "official"])
@pytest.mark.parametrize(("width", "height"), [(100, 70), (64, 128)])
def test_video_has_the_size_asked_for(width: int, height: int, fit: str) -> None:
    assert draw(width=width, height=height, fit=fit, steps=1).shape[-2:] == (height, width)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "a walking man"},
        {"negative_prompt": "blurry"},
        {"motion_fps": 30},
        {"guidance_scale": 1.0},
        {"image_guidance_scale": 2.0},
        {"guidance_rescale": 0.0},
        {"eta": 0.0},
        {"solver": "dpmpp_2m"},
        {"guidance_start": 0.4},
        {"guidance_end": 0.4},
        {"spacing": "uniform"},
        {"second_pass": False},
        {"token_mode": "shared"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_setting_changes_the_video(changes: dict[str, Any]) -> None:
    # The shortest clip with a second pass.
    assert not torch.equal(draw(num_frames=5, **changes), draw(num_frames=5))


@pytest.mark.parametrize(
    "changes", [{"decode_chunk": 1}, {"batch_guidance": True}, {"memory_budget": 1}], ids=str
)
def test_settings_of_memory_do_not_change_the_video(changes: dict[str, Any]) -> None:
    plain, changed = (
        interpolate(steady_models(), ENDS, replace(QUICK, **of_memory))
        for of_memory in ({}, changes)
    )
    torch.testing.assert_close(changed, plain, atol=1e-4, rtol=0)


def test_progress_is_reported_and_an_interruption_passes_through() -> None:
    reported: list[SamplingProgress] = []
    interpolate(tiny_models(), ENDS, QUICK, reported.append)
    assert [(progress.step, progress.total) for progress in reported] == [(1, 2), (2, 2)]

    def interrupt(progress: SamplingProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interpolate(tiny_models(), ENDS, QUICK, interrupt)


def test_image_encoder_sees_the_first_keyframe_before_it_is_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Tensor] = []
    build = pipeline.build_conditions

    def spy(networks: Any, image: Tensor, *args: Any, **options: Any) -> Any:
        seen.append(image)
        return build(networks, image, *args, **options)

    monkeypatch.setattr(pipeline, "build_conditions", spy)
    draw(steps=1)
    assert torch.equal(seen[0], FIRST[None])


def test_keyframes_leave_as_they_came() -> None:
    first, last = FIRST.clone(), LAST.clone()
    draw(first, last, steps=1)
    assert torch.equal(first, FIRST) and torch.equal(last, LAST)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (333, 17)])
def test_keyframes_of_any_size_and_kind_work(size: tuple[int, int]) -> None:
    grey = normal(1, *size).clamp(-1, 1)
    with_alpha = normal(4, *size).clamp(-1, 1)
    assert torch.isfinite(draw(grey, with_alpha, steps=1)).all()


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (FIRST * float("nan"), "are not numbers"),
        (FIRST / 0, "are not numbers"),
        (FIRST[None].expand(3, -1, -1, -1), "1 picture, got a batch of 3"),
        (FIRST[None, :0], "no pixels"),
        (torch.empty(0, 3, 64, 64), "batch of 0"),
        (FIRST * 255, r"\[-1, 1\]"),
        (torch.zeros(5, 8, 8), "5 channels"),
    ],
    ids=["nan", "infinite", "batch-of-3", "no-channels", "batch-of-0", "255", "5-channels"],
)
def test_keyframes_that_cannot_be_used_are_reported(first: Tensor, message: str) -> None:
    with pytest.raises(KeyframeError, match=message):
        draw(first)


def test_a_long_prompt_is_cut_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        video = draw(prompt="word " * 400, steps=1)
    assert "the last 325 are ignored" in caplog.text
    assert torch.isfinite(video).all()


@pytest.mark.parametrize("missing", ["text_encoder", "image_encoder"])
def test_a_checkpoint_without_encoders_says_where_they_are(missing: str) -> None:
    models = replace(tiny_models(), **{missing: None})
    with pytest.raises(CheckpointError, match=rf"has no {missing.replace('_', ' ')}.*model\.ckpt"):
        interpolate(models, ENDS, QUICK)


def test_numbers_that_overflow_are_an_error_and_not_a_black_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overflow(*args: Any) -> Tensor:
        return args[1] * float("nan")

    monkeypatch.setattr(pipeline, "sample_ddim", overflow)
    with pytest.raises(ToonCrafterError, match=r"denoiser made values .* in float32.*bfloat16"):
        draw()


def test_half_precision_draws_about_the_same() -> None:
    half = build_models(made_up_checkpoint(), torch.bfloat16)
    settings = replace(QUICK, guidance_scale=1.0)
    video = interpolate(half, ENDS, settings)
    assert video.dtype == torch.float32
    assert (video - draw(guidance_scale=1.0)).abs().mean() < 0.05


def test_the_memory_budget_decides_how_many_frames_are_decoded_at_a_time() -> None:
    z = normal(1, 4, 4, 8, 8)
    chunks = [
        decode_plan(TINY.autoencoder, z, replace(QUICK, memory_budget=megabytes)).chunk
        for megabytes in (None, 500, 1)
    ]
    assert chunks == [4, 4, 1]


def test_the_mini_preset_reads_no_prompt_and_fits_a_small_file() -> None:
    checkpoint = made_up_checkpoint(MINI)
    sketches = made_up_sketch_encoder(MINI_SKETCH)
    in_half = sum(
        prod(shape) * 2 for part in (checkpoint, sketches) for shape in part.shapes.values()
    )
    assert in_half < 26e6
    models = build_models(checkpoint)
    one, other = (
        interpolate(models, ENDS, replace(QUICK, prompt=prompt)) for prompt in ("a", "b c")
    )
    assert one.isfinite().all() and torch.equal(one, other)
