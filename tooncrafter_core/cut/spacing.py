"""Where in-betweens lie between their two keys: by the name of a curve, or by an animator's chart.

All are fractions, so that equal distances are equal.
"""

import difflib
import re
from collections.abc import Callable
from fractions import Fraction

from ..errors import CutError, counted

Curve = Callable[[Fraction], Fraction]

CURVES: dict[str, Curve] = {
    "even": lambda t: t,
    "slow in": lambda t: 1 - (1 - t) ** 2,
    "slow out": lambda t: t**2,
    "slow in and out": lambda t: 3 * t**2 - 2 * t**3,
}
"""From time to place, both 0 to 1, in an animator's words: *slow out* leaves the first key slowly,
with in-betweens close to it, ``t^2``; *slow in* arrives slowly at the last, ``1 - (1 - t)^2``;
*slow in and out* does both, ``3 t^2 - 2 t^3``. Time runs by drawings, not by frames: the second of
three in-betweens is at a half, however long each is held."""

EVEN = "even"

_SEPARATORS = re.compile(r"[\s,;、，]+")
_FRACTION = re.compile(r"(\d{1,6})/(\d{1,6})")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)[%％]")
_DECIMAL = re.compile(r"\d{0,3}\.\d{1,6}|\d{1,3}")


def spacings_of(text: str, count: int, segment: int = 1) -> tuple[Fraction, ...]:
    """The places of ``count`` in-betweens, ascending, above 0 and below 1.

    ``text`` is the name of a curve, or a place for each: fractions as on charts
    (``1/2 1/4 1/8``), percent (``12.5%``) or decimals (``.125``). A chart is written in any order,
    as its in-betweens are drawn from the middle out. ``CutError``, naming the segment (from 1), for
    another word, a chart with more or fewer places than in-betweens, a place that is a key itself
    or outside the segment, and one that is given twice.
    """
    name = " ".join(text.lower().replace("_", " ").replace("-", " ").split())
    if name in CURVES:
        return tuple(CURVES[name](Fraction(i, count + 1)) for i in range(1, count + 1))
    parts = [part for part in _SEPARATORS.split(text.strip()) if part]
    if not parts or not any(character.isdigit() for character in text):
        raise _no_such_curve(text, name)
    places = sorted(_place(part, segment) for part in parts)
    for place in places:
        if places.count(place) > 1:
            raise CutError(
                f"The spacing of segment {segment} has {place} twice: give each in-between a place "
                "of its own."
            )
    if len(places) != count:
        raise CutError(
            f"The spacing of segment {segment}, '{text}', has {counted(len(places), 'place')} for "
            f"{counted(count, 'in-between')}: give one for each."
        )
    return tuple(places)


def _place(part: str, segment: int) -> Fraction:
    """One place of a chart."""
    if match := _FRACTION.fullmatch(part):
        if int(match[2]) == 0:
            raise CutError(f"The spacing '{part}' of segment {segment} divides by 0.")
        place = Fraction(int(match[1]), int(match[2]))
    elif match := _PERCENT.fullmatch(part):
        place = Fraction(match[1]) / 100
    elif _DECIMAL.fullmatch(part):
        place = Fraction(part)
    else:
        raise CutError(
            f"'{part}' in the spacing of segment {segment} is no place: write fractions such as "
            f"1/4, percent such as 25%, or one of {', '.join(CURVES)}."
        )
    if place in (0, 1):
        which = "first" if place == 0 else "last"
        raise CutError(
            f"The spacing '{part}' of segment {segment} is the {which} key itself: in-betweens lie "
            "above 0 and below 1."
        )
    if place > 1:
        raise CutError(
            f"The spacing '{part}' of segment {segment} lies beyond the last key: in-betweens lie "
            "above 0 and below 1."
        )
    return place


def _no_such_curve(text: str, name: str) -> CutError:
    close = difflib.get_close_matches(name, CURVES, n=1, cutoff=0.6)
    meant = f" Did you mean '{close[0]}'?" if close else ""
    return CutError(
        f"There is no spacing '{text}'.{meant} Spacings are {', '.join(CURVES)}, or a place for "
        "each in-between, such as '1/2 1/4 1/8' or '25% 50%'."
    )
