"""What is said of the keys of a cut before it is drawn."""

import pytest

from tooncrafter_core.cut.keys import size_note


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
