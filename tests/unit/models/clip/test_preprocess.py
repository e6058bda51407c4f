"""The image encoder's preprocessing, where the goldens do not reach."""

import pytest
import torch

from tooncrafter_core.models.clip.preprocess import (
    CLIP_MEAN,
    CLIP_STD,
    preprocess_for_image_encoder,
)


def test_mid_grey_becomes_a_flat_picture_of_the_normalised_grey() -> None:
    out = preprocess_for_image_encoder(torch.zeros(1, 3, 50, 70))
    expected = (0.5 - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_STD)
    assert out.shape == (1, 3, 224, 224)
    torch.testing.assert_close(out, expected[None, :, None, None].expand_as(out))


def test_a_picture_of_the_encoders_size_is_not_resampled() -> None:
    image = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    out = preprocess_for_image_encoder(image)
    mean, std = (torch.tensor(v)[:, None, None] for v in (CLIP_MEAN, CLIP_STD))
    assert torch.equal(out, ((image + 1) / 2 - mean) / std)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (700, 1), (2, 3)])
def test_pictures_of_a_pixel_or_a_line_are_accepted(size: tuple[int, int]) -> None:
    image = torch.full((1, 3, *size), 0.25)
    out = preprocess_for_image_encoder(image)
    torch.testing.assert_close(out, preprocess_for_image_encoder(torch.full((1, 3, 9, 9), 0.25)))


def test_half_precision_pictures_are_computed_in_float32() -> None:
    image = torch.linspace(-1, 1, 3 * 300 * 260).reshape(1, 3, 300, 260)
    half = image.to(torch.bfloat16)
    out = preprocess_for_image_encoder(half)
    assert out.dtype == torch.float32
    assert torch.equal(out, preprocess_for_image_encoder(half.float()))


def test_the_input_is_left_as_it_was() -> None:
    image = torch.rand(1, 3, 300, 100)
    before = image.clone()
    preprocess_for_image_encoder(image)
    assert torch.equal(image, before)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 8, 8), (1, 8, 8, 3)])
def test_other_shapes_are_refused_in_words(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="b 3 h w"):
        preprocess_for_image_encoder(torch.zeros(shape))
