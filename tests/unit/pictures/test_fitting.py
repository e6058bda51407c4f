"""Fitting keyframes to the model's sizes and back."""

import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import ToonCrafterError
from tooncrafter_core.pictures.fitting import FIT_MODES, FitMode, fit, model_size, official_resize


def picture(height: int, width: int, batch: int = 1) -> Tensor:
    """Noise away from mid-grey, so that a grey bar shows."""
    generator = torch.Generator().manual_seed(height * 10000 + width)
    return torch.rand(batch, 3, height, width, generator=generator) * 0.5 + 0.4


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [((512, 320), (512, 320)), ((1, 1), (64, 64)), ((513, 300), (576, 320)), ((64, 65), (64, 128))],
)
def test_model_size_rounds_up(asked: tuple[int, int], drawn: tuple[int, int]) -> None:
    assert model_size(*asked) == drawn


def test_no_size_is_refused() -> None:
    with pytest.raises(ToonCrafterError, match="0x320"):
        model_size(0, 320)


@pytest.mark.parametrize("mode", FIT_MODES)
@pytest.mark.parametrize(
    "source", [(320, 512), (1, 1), (90, 70), (33, 700), (700, 33), (640, 1024)]
)
@pytest.mark.parametrize("asked", [(512, 320), (500, 301), (64, 64), (130, 70)])
def test_every_mode_draws_multiples_of_64_and_restores_the_size_asked(
    mode: FitMode, source: tuple[int, int], asked: tuple[int, int]
) -> None:
    image = picture(*source, batch=2)
    before = image.clone()
    fitted, placement = fit(image, *asked, mode)
    assert fitted.shape == (2, 3, *reversed(model_size(*asked)))
    assert torch.isfinite(fitted).all()
    video = fitted[:, :, None].expand(-1, -1, 4, -1, -1)
    assert placement.restore(video).shape == (2, 3, 4, asked[1], asked[0])
    inner = placement.picture.cut(video)
    assert inner.shape[-2] <= asked[1]
    assert inner.shape[-1] <= asked[0]
    assert min(inner.shape) > 0
    assert torch.equal(image, before)


@pytest.mark.parametrize("mode", FIT_MODES)
@pytest.mark.parametrize("asked", [(512, 320), (500, 301), (65, 127)])
def test_a_picture_of_the_size_asked_passes_bit_for_bit(
    mode: FitMode, asked: tuple[int, int]
) -> None:
    image = picture(asked[1], asked[0])
    fitted, placement = fit(image, *asked, mode)
    assert torch.equal(placement.restore(fitted), image)
    assert torch.equal(placement.picture.cut(fitted), image)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_half(dtype: torch.dtype) -> None:
    for mode in FIT_MODES:
        fitted, _ = fit(picture(50, 70).to(dtype), 100, 80, mode)
        assert fitted.dtype == dtype


@pytest.mark.parametrize("source", [(90, 70), (70, 90), (400, 400), (33, 300), (300, 33)])
def test_crop_shows_no_bars_and_keeps_the_aspect_ratio(source: tuple[int, int]) -> None:
    fitted, placement = fit(picture(*source), 500, 301, "crop")
    assert fitted.min() >= 0.39
    assert (placement.picture.width, placement.picture.height) == (500, 301)


def test_crop_takes_the_middle() -> None:
    image = picture(64, 128)
    fitted, _ = fit(image, 64, 64, "crop")
    assert torch.equal(fitted, image[..., 32:96])


def test_crop_extends_with_the_pictures_own_surroundings() -> None:
    image = picture(100, 128)
    fitted, placement = fit(image, 128, 80, "crop")
    assert fitted.shape[-2:] == (128, 128)
    assert torch.equal(fitted[..., 14:114, :], image)
    assert torch.equal(placement.restore(fitted), image[..., 10:90, :])


def test_crop_equals_the_official_resize_where_that_fills_the_size() -> None:
    image = picture(333, 640)
    cropped, _ = fit(image, 512, 320, "crop")
    assert torch.equal(cropped, official_resize(image, 512, 320))


def test_official_fills_with_mid_grey() -> None:
    image = picture(100, 64)
    out = official_resize(image, 128, 64)
    assert out[..., :32].count_nonzero() == 0
    assert out[..., -32:].count_nonzero() == 0
    assert torch.equal(out[..., 32:96], image[..., 18:82, :])
    _, placement = fit(image, 128, 64, "official")
    assert (placement.picture.width, placement.picture.height) == (64, 64)


def test_pad_shows_the_whole_picture_between_bars_of_its_border_colour() -> None:
    image = picture(64, 64, batch=2)
    image[:, :, 0], image[:, :, -1] = 0.25, 0.25
    image[..., 0], image[..., -1] = 0.25, 0.25
    image[1] += 0.5
    fitted, placement = fit(image, 128, 64, "pad")
    assert torch.equal(placement.picture.cut(fitted), image)
    assert fitted[0, ..., :32].unique().tolist() == [0.25]
    assert fitted[1, ..., -32:].unique().tolist() == [0.75]


def test_stretch_resamples_the_whole_picture() -> None:
    image = torch.linspace(-1, 1, 100).expand(1, 3, 50, 100)
    fitted, _ = fit(image, 64, 128, "stretch")
    assert fitted.shape[-2:] == (128, 64)
    assert fitted[..., 0].max() < -0.95
    assert fitted[..., -1].min() > 0.95


def test_shrinking_is_antialiased() -> None:
    checkerboard = (torch.arange(640)[:, None] + torch.arange(640)) % 2 * 2.0 - 1
    fitted, _ = fit(checkerboard.expand(1, 3, -1, -1), 64, 64, "crop")
    assert fitted.abs().max() < 0.05


def test_extension_repeats_the_last_pixels() -> None:
    image = picture(64, 60)
    fitted, _ = fit(image, 60, 64)
    assert torch.equal(fitted[..., 0], image[..., 0])
    assert torch.equal(fitted[..., -1], image[..., -1])


def test_a_video_of_another_size_is_refused() -> None:
    _, placement = fit(picture(64, 64), 64, 64)
    with pytest.raises(ToonCrafterError, match="64x64, but the video is 128x64"):
        placement.restore(torch.zeros(1, 3, 2, 64, 128))


def test_an_unknown_mode_is_refused_with_those_known() -> None:
    with pytest.raises(ToonCrafterError, match="crop, pad, stretch, official; not by 'zoom'"):
        fit(picture(64, 64), 64, 64, "zoom")  # type: ignore[arg-type]
