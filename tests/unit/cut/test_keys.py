"""What is said of the keys of a cut before it is drawn."""

import pytest
import torch

from tooncrafter_core.cut.keys import digest_of_picture, size_note
from tooncrafter_core.cut.store import digest_of_pixels
from tooncrafter_core.pictures.levels import from_levels


@pytest.mark.parametrize(
    ("keys", "drawings", "fit", "cuts"),
    [
        ((1920, 1080), (256, 160), "crop", True),
        ((1920, 1080), (256, 160), "pad", False),
        ((1920, 1080), (960, 540), "crop", False),
        # Half a pixel of a row is lost, which nobody sees.
        ((1920, 1080), (512, 288), "crop", False),
        ((512, 320), (256, 160), "crop", False),
    ],
)
def test_another_size_is_said_and_whether_edges_are_lost(
    keys: tuple[int, int], drawings: tuple[int, int], fit: str, cuts: bool
) -> None:
    note = size_note(keys, drawings, fit)  # pyright: ignore[reportArgumentType]
    assert note is not None
    assert f"{keys[0]}x{keys[1]}" in note and f"{drawings[0]}x{drawings[1]}" in note
    assert ("edges" in note) == cuts


def test_drawings_of_the_keys_size_need_no_word() -> None:
    assert size_note((1920, 1080), (1920, 1080), "crop") is None


def test_keys_of_16_bits_that_differ_within_a_level_differ() -> None:
    flat = torch.full((3, 2, 2), 1000 / 65535) * 2 - 1
    steps = torch.linspace(1000, 1080, 12).round().reshape(3, 2, 2) / 65535 * 2 - 1
    assert digest_of_picture(flat) != digest_of_picture(steps)
    # What has 256 levels has the hash that it had: it is drawn already.
    levels = torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2)
    known = digest_of_pixels(levels.numpy().tobytes(), levels.shape)
    assert digest_of_picture(from_levels(levels)) == known
    assert digest_of_picture((levels / 255 - 0.5) * 2) == known
