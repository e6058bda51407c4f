"""Interpolation along sketches: the whole path with the tiny model and its sketch encoder."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from einops import repeat
from torch import Tensor

from support.counting import GIB, FusedAttentionOperations, count
from support.networks import normal
from support.tiny import tiny_models
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder
from tooncrafter_core.config.model import SketchEncoderConfig
from tooncrafter_core.device.memory import sketch_encoder_bytes
from tooncrafter_core.errors import ModelMismatchError, SketchError, ToonCrafterError
from tooncrafter_core.interpolation import pipeline
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.models.sketch_encoder import SketchEncoder
from tooncrafter_core.pictures.keyframes import Keyframes
from tooncrafter_core.sketches.frames import SketchLayer
from tooncrafter_core.sketches.guidance import (
    SketchGuidance,
    check_sketch_encoder,
    encoder_context,
    load_sketch_encoder,
    percent_done,
)

FIRST, LAST = normal(3, 70, 90, seed=1).clamp(-1, 1), normal(3, 64, 64, seed=2).clamp(-1, 1)
ENDS = Keyframes.at_ends(FIRST, LAST)
QUICK = InterpolationSettings(width=64, height=64, num_frames=4, steps=2, guidance_scale=1.0)
GUIDED = 7.5


@cache
def tiny_encoder() -> SketchEncoder:
    return load_sketch_encoder(made_up_sketch_encoder())


def hints(number: int = 1, height: int = 64, width: int = 64, seed: int = 5) -> Tensor:
    return (normal(number, 1, height, width, seed=seed) > 1.5).float()


def layer(*frames: int, **options: Any) -> SketchLayer:
    sketches = options.pop("hints", None)
    return SketchLayer(
        hints=hints(len(frames)) if sketches is None else sketches, frames=frames, **options
    )


def draw(*layers: SketchLayer, **changes: Any) -> Tensor:
    settings = replace(QUICK, **changes)
    return interpolate(
        tiny_models(),
        ENDS,
        settings,
        sketches=layers,
        sketch_encoder=tiny_encoder(),
    )


@pytest.fixture(autouse=True)
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latents as large dots in place of pixels: sketches end where decoding begins."""

    def dots(_models: Any, latents: Tensor, *_: Any) -> Tensor:
        return repeat(latents[:, :3], "b c t h w -> b c t (h y) (w x)", y=8, x=8)

    monkeypatch.setattr(pipeline, "decode", dots)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Of every call of the sketch encoder, how many clips or hints it read."""
    seen: dict[str, list[int]] = {"forward": [], "read_hints": []}
    for name in seen:
        original = getattr(SketchEncoder, name)

        def counted(
            self: Any, x: Tensor, *args: Any, _n: str = name, _f: Any = original, **more: Any
        ) -> Any:
            seen[_n].append(x.shape[0])
            return _f(self, x, *args, **more)

        monkeypatch.setattr(SketchEncoder, name, counted)
    return seen


@pytest.mark.parametrize("frames", [8, 16, 24])
def test_sparse_and_dense_sketches_change_the_clip(frames: int) -> None:
    plain = draw(num_frames=frames, steps=1)
    for numbers in ((frames // 2,), tuple(range(frames))):
        video = draw(layer(*numbers), num_frames=frames, steps=1)
        assert video.shape == plain.shape and torch.isfinite(video).all()
        assert not torch.equal(video, plain)


def test_strength_zero_is_no_guidance_to_the_bit() -> None:
    plain = interpolate(tiny_models(), ENDS, QUICK)
    assert torch.equal(draw(layer(1, strength=0.0)), plain)
    assert torch.equal(draw(), plain)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"strength": 0.3}),
        ({}, {"end_percent": 0.4}),
        ({}, {"start_percent": 0.4}),
        ({}, {"hints": hints(seed=6)}),
    ],
)
def test_everything_about_a_sketch_counts(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not torch.equal(draw(layer(1, **one)), draw(layer(1, **other)))


def test_both_readings_and_both_modes_of_other_frames_differ() -> None:
    videos = [
        draw(layer(1)),
        draw(layer(1), sketch_tokens="all"),
        draw(layer(1), sketch_missing="none"),
    ]
    assert not torch.equal(videos[0], videos[1])
    assert not torch.equal(videos[0], videos[2])


def test_sketches_outside_their_part_of_sampling_change_nothing() -> None:
    # Of two steps the first is at timestep 999 and the second at 499.
    plain = draw()
    assert torch.equal(draw(layer(1, start_percent=0.6, end_percent=1.0)), plain)
    assert torch.equal(draw(layer(1, end_percent=0.3)), draw(layer(1, end_percent=0.0)))
    assert not torch.equal(draw(layer(1, end_percent=0.0)), plain)
    assert percent_done(999, 1000) == 0 and percent_done(0, 1000) == 1


def test_of_two_layers_the_later_wins_and_a_frame_is_guided_once() -> None:
    once = draw(layer(1, strength=0.9))
    assert torch.equal(draw(layer(1, strength=0.2), layer(1, strength=0.9)), once)


def test_hints_are_read_once_a_run_and_the_encoder_runs_once_a_prediction(
    passes: dict[str, list[int]],
) -> None:
    draw(layer(0, 2), layer(3), steps=3, guidance_scale=GUIDED)
    assert passes["read_hints"] == [2, 1, 1]  # each layer's, and an empty one for all others
    assert passes["forward"] == [1] * 6
    passes["forward"].clear()
    draw(layer(1), steps=3, batch_guidance=True, guidance_scale=GUIDED)
    assert passes["forward"] == [2] * 3


def test_one_call_gives_what_two_give() -> None:
    apart = draw(layer(1), guidance_scale=GUIDED)
    joined = draw(layer(1), guidance_scale=GUIDED, batch_guidance=True)
    torch.testing.assert_close(joined, apart, atol=2e-3, rtol=0)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch", "official"])
def test_sketches_of_any_size_are_fitted_as_the_keyframes_are(
    fit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[SketchLayer] = []
    build = pipeline.SketchGuidance

    def spy(encoder: Any, layers: list[SketchLayer], **options: Any) -> SketchGuidance:
        seen.extend(layers)
        return build(encoder, layers, **options)

    monkeypatch.setattr(pipeline, "SketchGuidance", spy)
    tall, wide = layer(1, hints=hints(1, 120, 50)), layer(2, hints=hints(1, 30, 100))
    draw(tall, wide, steps=1, width=100, height=70, fit=fit)
    assert [tuple(one.hints.shape) for one in seen] == [(1, 1, 128, 128)] * 2


def test_half_precision_encoder_guides_a_model_in_float32() -> None:
    half = load_sketch_encoder(made_up_sketch_encoder(), dtype=torch.bfloat16)
    video = interpolate(
        tiny_models(), ENDS, replace(QUICK, steps=1),
        sketches=[layer(1)], sketch_encoder=half,
    )  # fmt: skip
    assert video.dtype == torch.float32 and torch.isfinite(video).all()
    assert (video - draw(layer(1), steps=1)).abs().mean() < 0.2


def test_largest_strength_stays_finite() -> None:
    assert torch.isfinite(draw(layer(0, 1, 2, 3, strength=10.0))).all()


def test_frame_the_clip_does_not_have_is_reported() -> None:
    with pytest.raises(SketchError, match=r"no frame 5: the clip has 4 frames"):
        draw(layer(4))


def test_sketches_without_encoder_are_reported() -> None:
    with pytest.raises(SketchError, match=r"need the sketch encoder"):
        interpolate(tiny_models(), ENDS, QUICK, sketches=[layer(1)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"context_dim": 96}, "text tokens of width 96, the denoiser has 64"),
        ({"model_channels": 64}, "model_channels 64, the denoiser has 32"),
        ({"num_res_blocks": 2}, "num_res_blocks 2, the denoiser has 1"),
    ],
)
def test_encoder_of_another_model_is_reported(change: dict[str, Any], words: str) -> None:
    config = replace(tiny_encoder().config, **change)
    with pytest.raises(ModelMismatchError, match=f"belongs to another model: .*{words}"):
        check_sketch_encoder(config, tiny_models().config.unet)


@pytest.mark.parametrize("name", ["sketch_tokens", "sketch_missing"])
def test_settings_refuse_unknown_choices(name: str) -> None:
    with pytest.raises(ToonCrafterError, match=r"is one of .* not 'some'"):
        InterpolationSettings(**{name: "some"})


def test_image_tokens_follow_the_text_frame_by_frame() -> None:
    text, tokens = normal(2, 77, 8), normal(2, 4, 16, 8)
    assert encoder_context(text, tokens, "text") is text
    joined = encoder_context(text, tokens, "all")
    assert joined.shape == (2, 77 + 64, 8)
    assert torch.equal(joined[:, 77 + 16 : 77 + 32], tokens[:, 1])
    assert encoder_context(text, tokens[:, 0], "all").shape == (2, 77 + 16, 8)


@pytest.mark.parametrize(
    ("batch", "frames", "height", "width"),
    [(1, 16, 40, 64), (2, 16, 40, 64), (1, 8, 40, 64), (1, 24, 72, 128)],
)
def test_memory_estimate_is_just_above_the_count(
    batch: int, frames: int, height: int, width: int
) -> None:
    dtype = torch.bfloat16

    def empty(*shape: int) -> Tensor:
        return torch.empty(*shape, dtype=dtype, device="meta")

    encoder = SketchEncoder(
        SketchEncoderConfig(), operations=FusedAttentionOperations(), dtype=dtype, device="meta"
    )
    counts = count(
        encoder, empty(batch, 4, frames, height, width), empty(frames, 320, height, width),
        empty(batch), empty(batch, 77, 1024),
    )  # fmt: skip
    estimate = sketch_encoder_bytes(encoder.config, batch, frames, height, width, 2)
    assert counts.peak <= estimate <= 1.3 * counts.peak, (
        f"estimated {estimate / GIB:.3f} GiB, counted {counts.peak / GIB:.3f}"
    )
