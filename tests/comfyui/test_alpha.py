"""ToonCrafter Matte and Remove Matte: masks and four channels in, alpha out, keys to the bit."""

from typing import Any

import pytest
import torch
from tooncrafter_pack.nodes.cut.alpha import ToonCrafterMatte, ToonCrafterRemoveMatte
from tooncrafter_pack.tooncrafter_core.errors import ToonCrafterError


def keys(count: int = 2) -> torch.Tensor:
    """Red frames with a hole and a half clear shadow on nothing, r h w 4, at levels of a file."""
    pictures = torch.zeros(count, 48, 64, 4)
    for number, picture in enumerate(pictures):
        left = 6 + 8 * number
        picture[34:44, left : left + 30] = torch.tensor([0, 0, 0, 128]) / 255
        picture[8:36, left : left + 28] = torch.tensor([210, 60, 40, 255]) / 255
        picture[16:28, left + 8 : left + 20] = 0
    return pictures


def matted(**changes: Any) -> Any:
    return ToonCrafterMatte.execute(**{"keys": keys(), **changes}).args


def removed(frames: Any, matte: Any, **changes: Any) -> Any:
    asked: dict[str, Any] = {"places": "1, -1", "premultiplied": False, "fit": "crop", **changes}
    return ToonCrafterRemoveMatte.execute(frames, matte, **asked).args


def test_keys_come_back_to_the_bit_and_frames_between_with_hole_and_shadow() -> None:
    laid, matte = matted()
    assert laid.shape == (2, 48, 64, 3)
    frames, mask = removed(laid[[0, 0, 1]], matte)
    assert torch.equal(frames[[0, 2]], keys())
    assert torch.equal(mask, 1 - frames[..., 3])
    assert (frames[1, ..., 3] - keys()[0, ..., 3]).abs().max() < 0.1
    assert frames[1, 20, 20, 3] == 0
    unplaced, _ = removed(laid, matte, places="")
    assert (unplaced[..., 3] - keys()[..., 3]).abs().max() < 0.1


def test_one_key_stands_in_its_place() -> None:
    laid, matte = matted(keys=keys(1))
    frames, _ = removed(laid[[0, 0]], matte, places="2")
    assert torch.equal(frames[1:], keys(1))


def test_a_mask_and_a_fourth_channel_say_the_same() -> None:
    of_four, _ = matted()
    of_mask, _ = matted(keys=keys()[..., :3], mask=1 - keys()[..., 3])
    assert torch.equal(of_four, of_mask)


def test_premultiplied_colours_are_those_times_alpha() -> None:
    laid, matte = matted()
    straight, mask = removed(laid, matte)
    multiplied, same = removed(laid, matte, premultiplied=True)
    assert torch.equal(mask, same) and torch.equal(multiplied[..., 3], straight[..., 3])
    torch.testing.assert_close(multiplied[..., :3], straight[..., :3] * straight[..., 3:])


def test_keys_of_another_size_than_the_frames_are_fitted() -> None:
    laid, matte = matted()
    small = laid[:, ::2, ::2]
    frames, _ = removed(small, matte)
    assert frames.shape == (2, 24, 32, 4)
    assert (frames[..., 3] - keys()[:, ::2, ::2, 3]).abs().mean() < 0.08


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keys": keys()[..., :3]}, "No key is transparent"),
        ({"keys": keys()[..., :3], "mask": torch.zeros(1, 64, 64)}, "1 pictures of 64x64"),
        ({"keys": keys()[..., :1]}, "three channels"),
        ({"keys": torch.cat([keys(1), torch.zeros(1, 48, 64, 4)])}, "Key 2 is transparent"),
        ({"keys": torch.full((2, 8, 8, 4), float("nan"))}, "not numbers"),
    ],
)
def test_keys_without_a_use_for_a_matte_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ToonCrafterError, match=said):
        matted(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"matte": "green"}, "matte of 'ToonCrafter Matte'"),
        ({"frames": torch.zeros(2, 48, 64, 4)}, "three channels"),
        ({"places": "1"}, "^The clip gets back 1 or more keys.* 2 keys and 1 places"),
        ({"places": "1, 7"}, "no frame of the index 6"),
        ({"fit": "tile"}, "fit is one of"),
    ],
)
def test_frames_that_have_no_matte_are_refused(changes: dict[str, Any], said: str) -> None:
    laid, matte = matted()
    with pytest.raises(ToonCrafterError, match=said):
        removed(**{"frames": laid, "matte": matte, **changes})
