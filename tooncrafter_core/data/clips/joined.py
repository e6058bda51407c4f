"""Procedural clips mixed with clips of films: the former are unlimited, the latter look real."""

from collections.abc import Sequence
from itertools import accumulate, cycle, islice, pairwise

from ...errors import DatasetError
from .sources import ClipFrames, ClipSource


class JoinedClips:
    """Clips of one source, mixed with a share of another's, which repeat as often as needed.

    Every group of the first gets its share, so that each part of an epoch has both.
    ``DatasetError`` for a share outside 0 to 1.
    """

    def __init__(self, first: ClipSource, added: ClipSource, share: float) -> None:
        if not 0 < share < 1:
            raise DatasetError(f"The share of added clips lies between 0 and 1; not {share:g}.")
        self.first, self.added = first, added
        self._of_first = len(first.clips)
        count = round(share / (1 - share) * self._of_first) or 1
        self.clips = [*first.clips, *islice(cycle(added.clips), count)]
        sizes = accumulate(map(len, first.groups), initial=0)
        places = [self._of_first + round(size / self._of_first * count) for size in sizes]
        self.groups = [
            # Those of the first source come last: training holds out the last clips.
            [*range(start, end), *group]
            for (start, end), group in zip(pairwise(places), first.groups, strict=True)
        ]

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Read from the source that has the clip."""
        if clip < self._of_first:
            return self.first.read(clip, frames)
        return self.added.read((clip - self._of_first) % len(self.added.clips), frames)
