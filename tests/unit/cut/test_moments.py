"""Each in-between takes the nearest moment, and none is taken twice."""

import random
from fractions import Fraction
from itertools import combinations

import pytest

from tooncrafter_core.cut.moments import (
    capacity,
    choose_moments,
    depth_for,
    moment_in_half,
    moments_by_position,
)
from tooncrafter_core.cut.spacing import CURVES, spacings_of
from tooncrafter_core.cut.values import Moment
from tooncrafter_core.errors import CutError


def indices(spacings: list[Fraction] | tuple[Fraction, ...]) -> list[int]:
    return [moment.index for moment in choose_moments(spacings)]


def test_an_in_between_takes_the_nearest_moment() -> None:
    assert indices([Fraction(1, 15), Fraction(6, 15) + Fraction(1, 40), Fraction(14, 15)]) == [
        1,
        6,
        14,
    ]


def test_of_two_moments_at_one_distance_the_earlier_is_taken() -> None:
    assert indices([Fraction(1, 2)]) == [7]


def test_places_that_want_one_moment_share_the_way_out() -> None:
    assert indices([Fraction(70, 150), Fraction(71, 150), Fraction(72, 150)]) == [6, 7, 8]


def test_places_next_to_a_key_do_not_take_the_key() -> None:
    assert indices([Fraction(1, 1000), Fraction(2, 1000)]) == [1, 2]
    assert indices([Fraction(998, 1000), Fraction(999, 1000)]) == [13, 14]


def test_fourteen_in_betweens_take_all_moments_of_one_clip() -> None:
    for name in CURVES:
        assert indices(spacings_of(name, 14)) == list(range(1, 15))


def test_a_segment_is_halved_where_one_clip_has_too_few_moments() -> None:
    assert [capacity(depth) for depth in range(4)] == [14, 29, 59, 119]
    assert [depth_for(count) for count in (0, 14, 15, 29, 30, 59, 60, 119)] == [
        0, 0, 1, 1, 2, 2, 3, 3,
    ]  # fmt: skip
    chosen = choose_moments(spacings_of("even", 29))
    assert chosen[14] == Moment(half="", index=7)
    assert {moment.half for moment in chosen} == {"", "1", "2"}


def test_more_in_betweens_than_the_deepest_has_room_for_are_refused() -> None:
    with pytest.raises(CutError, match="Segment 2 has 120 in-betweens; between two keys at most"):
        depth_for(120, segment=2)


@pytest.mark.parametrize("depth", range(4))
def test_moments_are_in_the_order_of_their_places(depth: int) -> None:
    moments = moments_by_position(depth)
    assert len(set(moments)) == len(moments) == capacity(depth)
    places = [Fraction(0), *(moment.position for moment in moments), Fraction(1)]
    assert places == sorted(set(places))


def test_a_moment_of_the_whole_is_found_in_its_half() -> None:
    assert moment_in_half(8, "") == 8
    # The halves are 0 to 7/15 and 7/15 to 1.
    assert [moment_in_half(m, "1") for m in (0, 1, 6, 7, 8)] == [None, 2, 13, None, None]
    assert [moment_in_half(m, "2") for m in (7, 8, 14, 15)] == [None, 2, 13, None]
    for half in ("1", "2", "12", "211"):
        found = [place for m in range(16) if (place := moment_in_half(m, half)) is not None]
        assert len(set(found)) == len(found)
        assert all(1 <= place <= 14 for place in found)


def test_no_moment_is_taken_twice_for_any_spacing() -> None:
    draw = random.Random(7)
    for _ in range(200):
        count = draw.choice([1, 2, 5, 13, 14, 15, 29, 31])
        spacings = sorted(Fraction(place, 10**6) for place in draw.sample(range(1, 10**6), count))
        chosen = choose_moments(spacings)
        assert len(set(chosen)) == count
        places = [moment.position for moment in chosen]
        assert places == sorted(places)
        nearest = [
            min(moments_by_position(depth_for(count)), key=lambda m, s=s: (abs(m.position - s), m))
            for s in spacings
        ]
        if len(set(nearest)) == count:
            assert list(chosen) == nearest


def test_the_choice_is_the_best_of_all() -> None:
    draw = random.Random(3)
    places = [Fraction(i, 15) for i in range(1, 15)]
    for _ in range(20):
        spacings = sorted(Fraction(place, 10**4) for place in draw.sample(range(1, 2000), 3))
        best = min(
            combinations(places, 3),
            key=lambda way: (sum((a - b) ** 2 for a, b in zip(way, spacings, strict=True)), way),
        )
        assert [moment.position for moment in choose_moments(spacings)] == list(best)
