"""Drawn clips and true ones in one run: drawn ones are without end, true ones look as films do."""

from collections.abc import Sequence
from itertools import accumulate, cycle, islice, pairwise

from ...errors import DatasetError
from .sources import ClipFrames, ClipSource


class JoinedClips:
    """Clips of one source, with a share of another's among them, each of these as often as needed.

    Every group of the first gets its share, so that each stretch of an epoch has both.
    ``DatasetError`` for a share outside 0 to 1.
    """

    def __init__(self, first: ClipSource, beside: ClipSource, share: float) -> None:
        if not 0 < share < 1:
            raise DatasetError(
                f"Clips beside others have a share of them all between 0 and 1; not {share:g}."
            )
        self.first, self.beside = first, beside
        self._of_first = len(first.clips)
        count = round(share / (1 - share) * self._of_first) or 1
        self.clips = [*first.clips, *islice(cycle(beside.clips), count)]
        sizes = accumulate(map(len, first.groups), initial=0)
        places = [self._of_first + round(size / self._of_first * count) for size in sizes]
        self.groups = [
            # Those of the first come last: it is they that training keeps back.
            [*range(start, end), *group]
            for (start, end), group in zip(pairwise(places), first.groups, strict=True)
        ]

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Read of the source that has the clip."""
        if clip < self._of_first:
            return self.first.read(clip, frames)
        return self.beside.read((clip - self._of_first) % len(self.beside.clips), frames)
