"""What is said at the door about keyframes that cannot be used."""

import logging

import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import KeyframeError
from tooncrafter_core.pictures.keyframes import Keyframes, check_keyframes

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
        (torch.zeros(3, 8, 8, dtype=torch.int16), "torch.int16"),
        (torch.full((3, 8, 8), 255.0), "from 255 to 255"),
    ],
)
def test_what_is_no_keyframe_is_reported_in_words(image: Tensor, words: str) -> None:
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


def keyframes(*indices: int) -> Keyframes:
    """Pictures whose pixels are the indices of their frames."""
    return Keyframes(tuple(torch.full((1, 3, 2, 2), float(i)) for i in indices), indices)


def test_the_ends_of_a_clip_are_its_first_and_its_last_frame() -> None:
    placed = Keyframes.at_ends(GOOD, -GOOD).require_ends(16)
    assert placed.indices == (0, 15)
    assert torch.equal(placed.pictures[1][0], -GOOD)


def test_keyframes_come_in_the_order_of_their_frames() -> None:
    placed = keyframes(-1, 3, 0).in_clip(8)
    assert placed.indices == (0, 3, 7)
    assert [picture.mean().item() for picture in placed.pictures] == [0, 3, -1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (keyframes(0, 8), r"8 frames has no frame of the index 8: the first is 0, the last 7"),
        (keyframes(-9, 7), "no frame of the index -9"),
        (keyframes(7, -1), "index 7 has two keyframes"),
        (keyframes(0, 3, -1), r"\(1 and 8\); got 3, at frames: 1, 4, 8. For more keyframes draw"),
        (keyframes(0), "got 1, at frames: 1"),
        (keyframes(0, 6), "got 2, at frames: 1, 7"),
        (keyframes(), "got 0, at frames: none"),
    ],
)
def test_the_models_take_two_keyframes_at_the_ends_alone(given: Keyframes, words: str) -> None:
    with pytest.raises(KeyframeError, match=words):
        given.require_ends(8)


def test_every_keyframe_has_an_index() -> None:
    with pytest.raises(KeyframeError, match="2 keyframes and 1 indices"):
        Keyframes((GOOD[None], GOOD[None]), (0,))
