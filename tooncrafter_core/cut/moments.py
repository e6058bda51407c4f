"""Which of the drawn moments of a segment each in-between takes."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import lcm

from ..errors import CutError
from .values import MIDDLE, NUM_MOMENTS, Moment, span_of

MOST_IN_BETWEENS = NUM_MOMENTS - 2
"""That one clip of 16 moments has room for."""

DEEPEST = 3
"""How often a segment is halved at most: a middle is drawn between drawings of our own, and each
time more freely invented."""


def capacity(depth: int) -> int:
    """In-betweens that a segment has room for when it is halved ``depth`` times."""
    return (MOST_IN_BETWEENS + 1) * 2**depth - 1


@cache
def moments_by_position(depth: int) -> tuple[Moment, ...]:
    """All moments between the keys of a segment that is halved ``depth`` times, ascending."""
    return tuple(_moments("", depth))


def _moments(half: str, depth: int) -> list[Moment]:
    if depth == 0:
        return [Moment(half=half, index=index) for index in range(1, NUM_MOMENTS - 1)]
    middle = Moment(half=half, index=MIDDLE)
    return [*_moments(f"{half}1", depth - 1), middle, *_moments(f"{half}2", depth - 1)]


def depth_for(count: int, segment: int = 1) -> int:
    """How often a segment is halved so that each in-between has a moment; 0 for up to 14.

    ``CutError``, naming the segment (from 1), for more than the deepest has room for.
    """
    for depth in range(DEEPEST + 1):
        if count <= capacity(depth):
            return depth
    raise CutError(
        f"Segment {segment} has {count} in-betweens; between two keys at most {capacity(DEEPEST)} "
        "can be drawn. Give it another key, or draw it on twos."
    )


def moment_in_half(moment: int, half: str) -> int | None:
    """Which moment of a half's clip shows what a moment of the whole shows; None outside of it.

    Within a half it is the nearest, and no end, which is a drawing already.
    """
    if not half:
        return moment
    begin, end = span_of(half)
    place = (Fraction(moment, NUM_MOMENTS - 1) - begin) / (end - begin)
    if not 0 < place < 1:
        return None
    return min(max(round(place * (NUM_MOMENTS - 1)), 1), NUM_MOMENTS - 2)


def choose_moments(spacings: Sequence[Fraction], segment: int = 1) -> tuple[Moment, ...]:
    """The nearest moment of each spacing, none twice, in the order of the film."""
    moments = moments_by_position(depth_for(len(spacings), segment))
    chosen = nearest_places(spacings, [moment.position for moment in moments])
    return tuple(moments[i] for i in chosen)


def nearest_places(wanted: Sequence[Fraction], places: Sequence[Fraction]) -> list[int]:
    """The index of the nearest place to each that is wanted, none twice; both ascending.

    Where several want the same place, they share the way out: the sum of squared distances is the
    least. Of two places at the same distance the earlier is taken.
    """
    # Whole numbers of one scale: fractions of a film's length would take seconds.
    scale = lcm(*(place.denominator for place in (*wanted, *places)))
    aims, stops = ([int(place * scale) for place in each] for each in (wanted, places))
    spare = len(stops) - len(aims)
    # least[i][j]: the least sum for the i-th wanted and all after it, from place i + j on.
    least = [[0] * (spare + 1)]
    for i in reversed(range(len(aims))):
        row = [(aims[i] - stops[i + j]) ** 2 + least[0][j] for j in range(spare + 1)]
        for j in reversed(range(spare)):
            row[j] = min(row[j], row[j + 1])
        least.insert(0, row)
    chosen, j = [], 0
    for i, place in enumerate(aims):
        while (place - stops[i + j]) ** 2 + least[i + 1][j] != least[i][j]:
            j += 1
        chosen.append(i + j)
    return chosen
