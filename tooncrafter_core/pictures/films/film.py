"""What every film is, whatever holds it: frames that are numbered as they are shown."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import FilmError, counted

# t frames, h w space

FOLDER_FPS = 24.0
"""Of pictures in a folder, which have no clock: cartoons are shot at 24."""
UNEVEN = 0.25
"""Of the usual time between two frames: what a constant rate may be off by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Film:
    """Frames one after the other, listed without keeping their pixels."""

    path: Path
    width: int
    """As shown: turned upright, with square pixels."""
    height: int
    fps: float
    """Frames a second on average."""
    times: np.ndarray
    """When each frame is shown, in seconds from the first one, float64, rising."""
    is_variable: bool
    """Whether the time between frames changes."""
    pixel_format: str
    changes: tuple[str, ...] = ()
    """What the reader does to show its frames as a player would; see ``CHANGES``."""

    @property
    def num_frames(self) -> int:
        """How many frames the film says it holds."""
        return len(self.times)

    def rate_of(self, numbers: Sequence[int]) -> float:
        """Frames a second of these frames, rising, by their own times where the rate varies."""
        steps = max(len(numbers) - 1, 1)
        if not self.is_variable or len(numbers) < 2:
            return self.fps * steps / max(numbers[-1] - numbers[0], 1)
        return steps / float(self.times[numbers[-1]] - self.times[numbers[0]])

    def second_of(self, number: int) -> float:
        """When a frame begins; the number after the last one is the end of the film."""
        if not self.is_variable:
            return number / self.fps
        if number < self.num_frames:
            return float(self.times[number])
        return float(self.times[-1]) + (number - self.num_frames + 1) / self.fps

    def read(self, numbers: Sequence[int]) -> np.ndarray:
        """The frames of these numbers, rising, as ``t h w 3`` uint8.

        ``FilmError`` if one is missing.
        """
        wanted = list(numbers)
        if not wanted or wanted[0] < 0 or wanted[-1] >= self.num_frames:
            raise FilmError(
                f"'{self.path.name}' has {counted(self.num_frames, 'frame')}; {wanted[:1]} to "
                f"{wanted[-1:]} were asked for."
            )
        found = dict(self.iterate(wanted[0], wanted[-1] + 1, set(wanted)))
        missing = [number for number in wanted if number not in found]
        if missing:
            raise FilmError(
                f"'{self.path.name}' is damaged: frame {missing[0]} of {self.num_frames} cannot be "
                "decoded."
            )
        return np.stack([found[number] for number in wanted])

    @abstractmethod
    def iterate(
        self, first: int = 0, end: int | None = None, wanted: set[int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
        """Numbers and pixels ``h w 3`` uint8 from ``first`` up to ``end``, one at a time.

        ``wanted`` leaves out the others; ``size`` is a width and height to shrink to. Frames that
        cannot be decoded are left out, with a warning.
        """


CHANGES = {
    "turned": "turned upright or mirrored, as the file says",
    "squared": "widened or heightened to square pixels",
    "over white": "transparent: laid over white",
    "tone-mapped": "HDR (PQ or HLG): tone-mapped to the range of a screen",
    "interlaced": "interlaced: one field of each frame kept, the other filled in",
    "telecined": "telecined: the frames of the film joined again, four of every five",
    "without clock": "without time stamps: frames counted at the rate that the file states",
}
"""What a reader may do to a film, in words."""
