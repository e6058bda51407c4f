"""The interface of a scorer of clips, and the pictures of a clip that scorers get."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...errors import DatasetError
from ...pictures.films import Film
from ..extras import require

# t frames, h w space

FLOW_HEIGHT = 256
STILL_HEIGHT = 720
FLOW_RATE = 12.0
"""Pictures a second for the flow: cartoons are drawn on twos, so every other frame of 24."""
MAX_FLOW_FRAMES = 25

Scores = dict[str, float | str | None]
"""Scores by name; None where a clip has no such score."""
Identity = dict[str, str | float]


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipPixels:
    """The pictures of a clip that scorers get."""

    moving: np.ndarray
    """``t h w 3`` uint8, at most 256 high, evenly spaced in time."""
    rate: float
    """Pictures a second of ``moving``."""
    stills: np.ndarray
    """``3 h w 3`` uint8, at most 720 high: the first, middle and last frame."""
    source: str
    first_second: float
    last_second: float


class Scorer(Protocol):
    """Computes a score of a clip, such as its motion."""

    name: str

    def identity(self) -> Identity:
        """Model, weights and settings; scores with another identity are computed again."""
        ...

    def score(self, clip: ClipPixels, known: Scores) -> Scores:
        """The clip's scores; ``known`` are those of earlier scorers.

        ``DatasetError`` when it cannot be scored.
        """
        ...


def read_pixels(film: Film, first: int, end: int) -> ClipPixels:
    """Read what the scorers need in one pass. ``DatasetError`` for a clip with missing frames."""
    cv2 = require("cv2")
    step = max(round(film.fps / FLOW_RATE), 1, -(-(end - first) // MAX_FLOW_FRAMES))
    moving_numbers = range(first, end, step)
    still_numbers = [first, (first + end - 1) // 2, end - 1]
    large, small = (_size(film, height) for height in (STILL_HEIGHT, FLOW_HEIGHT))
    moving: dict[int, np.ndarray] = {}
    stills: dict[int, np.ndarray] = {}
    wanted = {*moving_numbers, *still_numbers}
    for number, pixels in film.iterate(first, end, wanted, large):
        if number in still_numbers:
            stills[number] = pixels
        if number in moving_numbers:
            moving[number] = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
    missing = sorted(wanted - {*moving, *stills})
    if missing:
        raise DatasetError(
            f"Frame {missing[0]} of '{film.path.name}' cannot be decoded: the file is damaged."
        )
    return ClipPixels(
        moving=np.stack([moving[number] for number in moving_numbers]),
        rate=film.rate_of(list(moving_numbers)),
        stills=np.stack([stills[number] for number in still_numbers]),
        source=str(film.path),
        first_second=film.second_of(first),
        last_second=film.second_of(end),
    )


def _size(film: Film, height: int) -> tuple[int, int]:
    scale = min(1.0, height / max(film.height, 1))
    return max(round(film.width * scale), 1), max(round(film.height * scale), 1)
