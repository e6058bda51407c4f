"""Folders of pictures as films, in the order of the numbers in their names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import FilmError, KeyframeError
from ..kinds import PICTURE_EXTENSIONS
from ..stills import read_levels
from .film import Film
from .finding import all_pictures

# h w space


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameFolder(Film):
    """A folder of pictures of one size."""

    pictures: tuple[Path, ...]

    def iterate(
        self, first: int = 0, end: int | None = None, wanted: set[int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
        """Read the pictures; ``FilmError`` for one that cannot be read or has another size."""
        for number in range(first, self.num_frames if end is None else end):
            if wanted is None or number in wanted:
                yield number, shrink(self._picture(number), size)

    def _picture(self, number: int) -> np.ndarray:
        path = self.pictures[number]
        pixels = _read(path)
        height, width = pixels.shape[:2]
        if (width, height) != (self.width, self.height):
            raise FilmError(
                f"The frames of '{self.path}' are of different sizes: '{self.pictures[0].name}' "
                f"is {self.width}x{self.height}, '{path.name}' {width}x{height}."
            )
        return pixels


def open_folder(path: Path, fps: float) -> FrameFolder:
    """List the pictures of a folder. ``FilmError`` when it has none."""
    try:
        pictures = all_pictures(path)
    except KeyframeError as error:
        raise FilmError(str(error)) from error
    if not pictures:
        raise FilmError(
            f"The folder '{path}' holds no pictures ({' '.join(sorted(PICTURE_EXTENSIONS))})."
        )
    height, width = _read(pictures[0]).shape[:2]
    return FrameFolder(
        path=path, width=width, height=height, fps=fps, times=np.arange(len(pictures)) / fps,
        is_variable=False, pixel_format="pictures", pictures=tuple(pictures),
    )  # fmt: skip


def _read(path: Path) -> np.ndarray:
    """``h w 3`` uint8."""
    try:
        return read_levels(path)
    except KeyframeError as error:
        raise FilmError(str(error)) from error


def shrink(pixels: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """``h w 3`` at another width and height, where one is asked for."""
    if size is None or size == pixels.shape[1::-1]:
        return pixels
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
