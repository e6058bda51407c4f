"""Pictures that hold several frames, GIF, WebP and APNG, as films."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FilmError
from ..stills import BROKEN, opened, over_white
from .film import UNEVEN, Film
from .folders import shrink

# h w space

SHORTEST = 20
"""Milliseconds: what is shown for less is shown for 100 by browsers, and so it is here."""
SLOW = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Animation(Film):
    """A picture that holds frames and for how long each is shown."""

    def iterate(
        self, first: int = 0, end: int | None = None, wanted: set[int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
        """Read the frames, each with what it leaves of those before."""
        end = self.num_frames if end is None else end
        for number, image in _frames(self.path, first, end):
            if wanted is None or number in wanted:
                yield number, shrink(over_white(image)[0], size)


def open_animation(path: Path) -> Animation:
    """List the frames of an animated picture; ``FilmError`` says why it is none."""
    durations, has_alpha, size, mode = [], False, (0, 0), ""
    for _, image in _frames(path):
        shown = round(image.info.get("duration") or 0)
        durations.append(shown if shown >= SHORTEST else SLOW)
        size, mode = image.size, image.mode
        has_alpha |= over_white(image)[1]
    times = np.cumsum([0, *durations[:-1]]) / 1000
    usual = float(np.median(durations))
    # Formats count in milliseconds, or in hundredths of a second: 24 fps come as 40 and 50.
    unit = 10 if path.suffix.lower() == ".gif" else 1
    is_variable = max(abs(d - usual) for d in durations) > max(UNEVEN * usual, unit)
    return Animation(
        path=path, width=size[0], height=size[1], fps=len(durations) * 1000 / sum(durations),
        times=times, is_variable=is_variable, pixel_format=mode.lower(),
        changes=("over white",) if has_alpha else (),
    )  # fmt: skip


def _frames(path: Path, first: int = 0, end: int | None = None) -> Iterator[tuple[int, Any]]:
    """Numbers and composed pictures."""
    try:
        with opened(path, FilmError) as image:
            for number in range(first, getattr(image, "n_frames", 1) if end is None else end):
                image.seek(number)
                image.load()
                yield number, image
    except FilmError:
        raise
    except BROKEN as error:
        raise FilmError(f"'{path.name}' cannot be read as an animated picture: {error}") from error
