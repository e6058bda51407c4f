"""Pictures of a batch on ones, twos or threes, by spacing, and from given frames on."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from support.refusals import assert_refused
from tooncrafter_core.cut.exposure import chosen_pictures, exposures, start_frames
from tooncrafter_core.cut.moments import nearest_places
from tooncrafter_core.errors import CutError


def test_every_drawing_stays_for_its_frames() -> None:
    assert exposures(start_frames(3, 2), 2) == [0, 0, 1, 1, 2, 2]
    assert exposures(start_frames(3, 1), 1) == [0, 1, 2]


def test_given_frames_make_holds_and_the_length_holds_the_last() -> None:
    starts = start_frames(3, 2, [1, 2, 5])
    assert exposures(starts, 2) == [None, 0, 1, 1, 1, 2, 2]
    assert exposures(starts, 2, 10) == [None, 0, 1, 1, 1, 2, 2, 2, 2, 2]


def test_spacing_chooses_pictures_between_the_first_and_the_last() -> None:
    assert chosen_pictures(16, 0, "even") == list(range(16))
    assert chosen_pictures(16, 2, "even") == [0, 15]
    assert chosen_pictures(16, 4, "even") == [0, 5, 10, 15]
    # t^2 at 1/4, 1/2 and 3/4 of 15 is 0.9, 3.75 and 8.4.
    assert chosen_pictures(16, 5, "slow out") == [0, 1, 4, 8, 15]
    assert chosen_pictures(5, 4, "1/2 1/4") == [0, 1, 2, 4]
    assert chosen_pictures(4, 4, "slow in") == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: start_frames(3, 0), ["on 1", "not on 0"]),
        (lambda: start_frames(3, 2, [0, 4]), ["3 drawings", "2 frames"]),
        (lambda: start_frames(3, 2, [0, 4, 4]), ["out of order", "5 comes after 5"]),
        (lambda: chosen_pictures(4, 5, "even"), ["5 drawings", "2 to 4"]),
        (lambda: chosen_pictures(4, 1, "even"), ["1 drawing asked", "2 to 4"]),
        (lambda: exposures([0, 8], 2, 8), ["Drawing 2 at frame 9", "8 frames long"]),
    ],
)
def test_what_does_not_fit_together_is_refused(action: Callable[[], Any], words: list[str]) -> None:
    assert_refused(action, *words, kind=CutError)


def test_many_pictures_of_a_film_are_chosen_at_once() -> None:
    class Counted(Fraction):
        """Counts what is computed with it."""

        times = 0

        def __mul__(self, other: Any) -> Any:
            Counted.times += 1
            return super().__mul__(other)

        def __sub__(self, other: Any) -> Any:
            Counted.times += 1
            return super().__sub__(other)

    wanted = [Counted(i, 51) for i in range(1, 51)]
    places = [Counted(i, 99) for i in range(1, 99)]
    found = nearest_places(wanted, places)
    assert [places[i] for i in found[:3]] == [Fraction(2, 99), Fraction(4, 99), Fraction(6, 99)]
    # Once for each: with each other they are compared as whole numbers.
    assert Counted.times <= len(wanted) + len(places)
