"""The frames of a cut's film, one in memory at a time.

Legend: h w space, c channels: 3, or 4 with straight alpha.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...pictures.levels import MOST, lay_over_white
from ...pictures.stills import read_levels, read_unit


class FilmFrames(Sequence[np.ndarray]):
    """Every frame of a film, ``h w c`` uint8, read when it is asked for."""

    def __init__(
        self, files: Sequence[Path | None], has_alpha: bool = False, on_white: bool = False
    ) -> None:
        """Files of drawings; None is a frame where nothing is shown.

        Drawings that have alpha are laid ``on_white`` where the film has none.
        """
        self.files, self.has_alpha = files, has_alpha
        self.on_white = on_white and has_alpha
        self._last: tuple[Path | None, np.ndarray] | None = None

    @property
    def nothing(self) -> np.ndarray:
        """A frame where nothing is shown, ``h w c``."""
        some = self._drawing(next(path for path in self.files if path is not None))
        return np.full_like(some, 0 if some.shape[2] > 3 else MOST)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> np.ndarray:  # pyright: ignore[reportIncompatibleMethodOverride]
        path = self.files[number]
        # A drawing is mostly shown for more than one frame.
        if self._last is None or self._last[0] != path:
            self._last = path, self.nothing if path is None else self._drawing(path)
        return self._last[1]

    def _drawing(self, path: Path) -> np.ndarray:
        if not self.has_alpha:
            return read_levels(path)
        levels = np.rint(read_unit(path) * MOST).astype(np.uint8)
        if levels.shape[2] == 3:  # one that is opaque all over
            levels = np.concatenate([levels, np.full_like(levels[..., :1], MOST)], axis=2)
        return lay_over_white(levels) if self.on_white else levels
