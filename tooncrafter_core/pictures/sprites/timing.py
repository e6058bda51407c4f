"""When the drawings of a sprite sheet are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

from ...errors import check_number

FASTEST, SLOWEST = 1000.0, 0.1
"""Frames a second: durations are counted in milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Which sprite each frame of the film shows, and how fast."""

    shown: Sequence[int]
    """Numbers of sprites, from 0, one for each frame."""
    fps: float = 24.0
    is_loop: bool = False
    """Whether the film begins again when it ends."""

    def check(self) -> None:
        """``ToonCrafterError`` for a rate that cannot be written."""
        check_number("The fps of a sprite sheet", self.fps, SLOWEST, FASTEST)

    def exposures(self) -> list[tuple[int, int]]:
        """Sprites one after the other, each with how long it is shown, in milliseconds.

        Every change is at the nearest millisecond to its true time, so that errors do not add up;
        a duration is 1 at least.
        """
        runs = [(number, len(list(frames))) for number, frames in groupby(self.shown)]
        ends = accumulate((count for _, count in runs), initial=0)
        times = [round(end * 1000 / self.fps) for end in ends]
        spans = [max(after - before, 1) for before, after in pairwise(times)]
        return [(number, span) for (number, _), span in zip(runs, spans, strict=True)]
