"""The place of a colour in drawn frames, and jumps of velocity."""

import numpy as np
import pytest

from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.metrics.joints import (
    jump_error,
    places_of_colour,
    speed_share,
    velocity_jumps,
)

COLOUR = (230, 20, 200)


def frame(*discs: tuple[float, float, float]) -> np.ndarray:
    """Discs of the colour at x, y with a strength, on grey, ``40 60 3``."""
    rows, columns = np.mgrid[:40, :60] + 0.5
    picture = np.full((40, 60, 3), 120.0)
    for x, y, strength in discs:
        share = strength * np.clip(6.5 - np.hypot(columns - x, rows - y), 0, 1)[..., None]
        picture = share * np.array(COLOUR) + (1 - share) * picture
    return picture.round().astype(np.uint8)


def test_the_place_is_the_middle_of_the_colour_to_a_fraction_of_a_pixel() -> None:
    frames = np.stack([frame((20, 15, 1)), frame((31.5, 22.25, 1))])
    found = places_of_colour(frames, COLOUR, 9)
    assert np.abs(found - [[20, 15], [31.5, 22.25]]).max() < 0.1


def test_of_two_ghosts_the_stronger_counts_and_of_none_where_it_was() -> None:
    frames = np.stack(
        [frame((15, 20, 1)), frame((15, 20, 0.9), (45, 20, 0.5)), frame((45, 20, 0.2))]
    )
    found = places_of_colour(frames, COLOUR, 9)
    assert np.abs(found - [15, 20]).max() < 0.5
    with pytest.raises(EvaluationError, match="nothing of the colour"):
        places_of_colour(frames[2:], COLOUR, 9)


def test_the_jump_is_the_change_of_velocity_at_the_key_against_the_true_one() -> None:
    time = np.arange(13)
    corner = np.stack([np.minimum(time, 6), np.maximum(time - 6, 0)], axis=1).astype(float)
    straight = np.stack([time, 0 * time], axis=1).astype(float)
    assert velocity_jumps(corner, [6]).tolist() == [[-1, 1]]
    assert jump_error(corner, straight, [6]) == pytest.approx(2**0.5)
    assert jump_error(corner, corner, [6]) == 0


def test_what_stands_still_at_a_key_has_no_speed_there() -> None:
    time = np.arange(13.0)
    moving = np.stack([time, 0 * time], axis=1)
    still = np.where((np.abs(time - 6) <= 2)[:, None], moving[6], moving)
    assert speed_share(still, moving, [6]) == 0
    assert speed_share(moving, moving, [6]) == 1
