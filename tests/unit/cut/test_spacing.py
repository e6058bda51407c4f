"""Spacing by name follows its curve, and by hand is what an animator's chart says."""

from fractions import Fraction
from itertools import pairwise

import pytest

from tooncrafter_core.cut.spacing import CURVES, spacings_of
from tooncrafter_core.errors import CutError


def test_even_spacing_has_equal_steps() -> None:
    assert spacings_of("even", 3) == (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))


def test_slow_out_stays_close_to_the_first_key() -> None:
    assert spacings_of("slow out", 3) == (Fraction(1, 16), Fraction(1, 4), Fraction(9, 16))


def test_slow_in_stays_close_to_the_last_key() -> None:
    assert spacings_of("slow in", 3) == (Fraction(7, 16), Fraction(3, 4), Fraction(15, 16))


def test_slow_in_and_out_is_the_same_from_both_ends() -> None:
    places = spacings_of("slow in and out", 3)
    assert places == (Fraction(5, 32), Fraction(1, 2), Fraction(27, 32))
    assert [1 - place for place in reversed(places)] == list(places)


@pytest.mark.parametrize("name", CURVES)
def test_every_curve_ascends_between_the_keys(name: str) -> None:
    for count in range(120):
        places = (0, *spacings_of(name, count), 1)
        assert all(a < b for a, b in pairwise(places))


@pytest.mark.parametrize("text", ["Slow Out", "slow_out", "slow-out", "  slow  out "])
def test_names_may_be_written_in_several_ways(text: str) -> None:
    assert spacings_of(text, 2) == spacings_of("slow out", 2)


@pytest.mark.parametrize(
    "text", ["1/2 1/4 1/8", "1/8, 1/4, 1/2", "12.5% 25% 50%", ".5;.25;0.125", "1/2 25% .125"]
)
def test_a_chart_is_read_in_any_order_and_notation(text: str) -> None:
    assert spacings_of(text, 3) == (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("slow aut", "Did you mean 'slow out'?"),
        ("", "There is no spacing ''"),
        ("1/2 2/4 1/8", "segment 4 has 1/2 twice"),
        ("0 1/2 3/4", "'0' of segment 4 is the first key itself"),
        ("1/4 1/2 1", "'1' of segment 4 is the last key itself"),
        ("1/4 1/2 100%", "'100%' of segment 4 is the last key itself"),
        ("1/4 1/2 3/2", "'3/2' of segment 4 lies beyond the last key"),
        ("1/4 1/2 1/0", "'1/0' of segment 4 divides by 0"),
        ("1/4 half 3/4 1", "'half' in the spacing of segment 4 is no place"),
        ("-1/4 1/2 3/4", "'-1/4' in the spacing of segment 4 is no place"),
        ("1/2", "has 1 place for 3 in-betweens"),
        ("nan 1", "'nan' in the spacing of segment 4 is no place"),
    ],
)
def test_a_spacing_that_cannot_be_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(CutError) as refused:
        spacings_of(text, 3, segment=4)
    assert says in str(refused.value)
