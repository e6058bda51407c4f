"""What is said at the door about keyframes that cannot be used."""

import logging

import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.pictures.keyframes import check_keyframes

GOOD = torch.zeros(3, 8, 8)


def test_good_keyframes_pass_unchanged_whatever_their_sizes() -> None:
    first, last = torch.rand(3, 1, 1), torch.rand(1, 3, 40, 9)
    checked = check_keyframes(first, last)
    assert torch.equal(checked[0], first[None])
    assert torch.equal(checked[1], last)


def test_a_stack_of_two_is_first_and_last() -> None:
    stack = torch.rand(2, 3, 5, 6)
    first, last = check_keyframes(stack)
    assert torch.equal(torch.cat([first, last]), stack)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_stack_of_any_other_count_names_the_count(count: int) -> None:
    with pytest.raises(KeyframeError, match=f"exactly 2 keyframes.*got {count}"):
        check_keyframes(torch.zeros(count, 3, 8, 8))


def test_a_single_picture_is_one_keyframe_too_few() -> None:
    with pytest.raises(KeyframeError, match="got 1"):
        check_keyframes(GOOD)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.zeros(0, 3, 8, 8), "last keyframe must be 1 picture, got a batch of 0"),
        (torch.zeros(3, 3, 8, 8), "got a batch of 3"),
        (torch.zeros(8, 8), "no picture: its shape is 8 x 8"),
        (torch.zeros(3, 0, 8), "no pixels"),
        (torch.zeros(5, 8, 8), "5 channels"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "torch.uint8"),
        (torch.full((3, 8, 8), 255.0), "from 255 to 255"),
    ],
)
def test_what_is_no_keyframe_is_told_in_words(image: Tensor, words: str) -> None:
    with pytest.raises(KeyframeError, match=words):
        check_keyframes(GOOD, image)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_pixels_that_are_not_numbers_are_counted_and_located(value: float) -> None:
    image = GOOD.clone()
    image[0, 2, 5] = image[1, 2, 5] = image[2, 6, 3] = value
    with pytest.raises(KeyframeError, match=r"first .* 2 pixels .* rows 2 to 6 and columns 3 to 5"):
        check_keyframes(image, GOOD)


def test_a_small_overshoot_of_filters_is_accepted() -> None:
    image = GOOD + 1.2
    assert torch.equal(check_keyframes(image, GOOD)[0][0], image)


def test_grey_becomes_three_equal_channels() -> None:
    grey = torch.rand(1, 1, 4, 4)
    first, _ = check_keyframes(grey, GOOD)
    assert torch.equal(first, grey.expand(1, 3, 4, 4))


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_lies_over_white_and_is_logged(
    channels: int, caplog: pytest.LogCaptureFixture
) -> None:
    image = torch.full((channels, 2, 2), -0.5)
    image[-1] = torch.tensor([[1.0, -1.0], [0.0, 1.0]])
    with caplog.at_level(logging.INFO):
        first, _ = check_keyframes(image, GOOD)
    assert first.shape == (1, 3, 2, 2)
    assert first[0, 0].tolist() == [[-0.5, 1.0], [0.25, -0.5]]
    assert "white" in caplog.text


def test_an_opaque_alpha_channel_changes_nothing_and_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    image = torch.cat([torch.rand(3, 4, 4), torch.ones(1, 4, 4)])
    with caplog.at_level(logging.INFO):
        first, _ = check_keyframes(image, GOOD)
    assert torch.equal(first[0], image[:3])
    assert not caplog.records
