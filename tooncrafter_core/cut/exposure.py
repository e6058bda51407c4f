"""When the pictures of a batch are shown: on ones, twos or threes, or from given frames on.

Every picture is a drawing of its own, equal to its neighbour or not.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from ..errors import CutError, counted
from .moments import nearest_places
from .spacing import spacings_of
from .values import MAX_LENGTH, check_length


def chosen_pictures(count: int, drawings: int, spacing: str) -> list[int]:
    """Which of ``count`` pictures of a clip are shown: the first, the last, and some between.

    ``drawings`` is how many, 0 is all; those between are the nearest to their places by
    ``spacing``, none twice. ``CutError`` for more than there are, and for a single one.
    """
    if drawings == 0:
        return list(range(count))
    if not 2 <= drawings <= count:
        raise CutError(
            f"There {'was' if drawings == 1 else 'were'} {counted(drawings, 'drawing')} asked for, "
            f"the first and the last included, and the batch has {counted(count, 'picture')}: ask "
            f"for 2 to {count}, or for 0, which is all."
        )
    wanted = spacings_of(spacing, drawings - 2) if drawings > 2 else ()
    places = [Fraction(i, count - 1) for i in range(1, count - 1)]
    return [0, *(i + 1 for i in nearest_places(wanted, places)), count - 1]


def start_frames(count: int, on: int, frames: Sequence[int] = ()) -> list[int]:
    """The frame, from 0, from which each of ``count`` drawings is shown.

    Without ``frames`` each stays for ``on``. ``CutError`` for frames that are not one for each
    drawing, or out of order.
    """
    if not 1 <= on <= MAX_LENGTH:
        raise CutError(f"A drawing stays for 1 frame or more: on 1, on 2, on 3; not on {on}.")
    if not frames:
        return [i * on for i in range(count)]
    if len(frames) != count:
        raise CutError(f"There are {count} drawings and {len(frames)} frames: give one for each.")
    for one, other in pairwise(frames):
        if one >= other:
            raise CutError(
                f"Frames are out of order: {other + 1} comes after {one + 1}. Give each drawing a "
                "later frame than the one before."
            )
    return list(frames)


def exposures(starts: Sequence[int], on: int, length: int | None = None) -> list[int | None]:
    """Which drawing each frame shows, by its number from 0; None before the first.

    Without ``length`` the last stays for ``on``. ``CutError`` for a drawing after the end.
    """
    length = starts[-1] + on if length is None else length
    check_length(length)
    if starts[-1] >= length:
        raise CutError(
            f"Drawing {len(starts)} at frame {starts[-1] + 1} comes after the end: the film is "
            f"{length} frames long."
        )
    numbers = {start: number for number, start in enumerate(starts)}
    shown: int | None = None
    found: list[int | None] = []
    for frame in range(length):
        shown = numbers.get(frame, shown)
        found.append(shown)
    return found
