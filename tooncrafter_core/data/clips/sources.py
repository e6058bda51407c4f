"""Where training clips come from: folders of frames, video files, and seeds of drawn cartoons.

A source lists its clips without reading pictures, and reads any frames of one when asked.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from ...errors import DatasetError
from ...files import in_order, natural_key, read_text
from ...pictures.films import (
    FOLDER_FPS,
    Film,
    caption_file,
    find_films,
    open_film,
    picture_files,
)
from ...pictures.kinds import PICTURE_EXTENSIONS

# t frames, h w space

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClipInfo:
    """What is known of a clip before its pictures are read."""

    key: str
    """Its name, the same in every run."""
    num_frames: int
    fps: float
    caption: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipFrames:
    """Pictures of a clip."""

    pixels: np.ndarray
    """``t h w 3``, uint8."""
    lines: np.ndarray | None = None
    """``t h w``, uint8, the exact line art, white on black, where it is known."""
    fps: float | None = None
    """Of these frames, by their own times, where the clip's is not theirs."""


class ClipSource(Protocol):
    """A list of clips. Clips of one group lie together, so one reader should have them all."""

    @property
    def clips(self) -> Sequence[ClipInfo]:
        """Every clip, in the order of their numbers."""
        ...

    @property
    def groups(self) -> Sequence[Sequence[int]]:
        """Numbers of clips that lie together."""
        ...

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Read frames of a clip by their numbers, rising. ``DatasetError`` for a damaged clip."""
        ...


class FrameFolders:
    """Every folder with pictures in it is a clip, in the order of the numbers in their names.

    A text file ``caption.txt`` in the folder is its caption. ``DatasetError`` when there is none.
    """

    def __init__(self, root: str | Path, fps: float = FOLDER_FPS) -> None:
        self.root, self.fps = Path(root), fps
        self.folders = sorted(
            {path.parent for path in _files(self.root, PICTURE_EXTENSIONS)}, key=natural_key
        )
        if not self.folders:
            raise DatasetError(f"The folder '{root}' holds no pictures.")
        self.clips = [
            ClipInfo(
                key=folder.relative_to(self.root).as_posix(),
                num_frames=len(picture_files(folder)),
                fps=fps,
                caption=_text(folder / "caption.txt"),
            )
            for folder in self.folders
        ]
        self.groups = [range(i, i + 1) for i in range(len(self.folders))]

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Read pictures; all of a folder must have one size."""
        return ClipFrames(pixels=open_film(self.folders[clip], fps=self.fps).read(frames))


class VideoFiles:
    """Every film is a clip; a text file of the same name next to it is its caption.

    Files that are no film are left out with a warning; ``DatasetError`` when none is left.
    """

    def __init__(self, paths: str | Path | Sequence[str | Path]) -> None:
        self.films: list[Film] = []
        for path in find_films([paths] if isinstance(paths, str | Path) else paths):
            try:
                self.films.append(open_film(path, trusts_flags=True))
            except DatasetError as error:
                logger.warning("%s It is left out.", error)
        if not self.films:
            raise DatasetError("There is no video that can be read among the files given.")
        self.clips = [
            ClipInfo(
                key=film.path.as_posix(),
                num_frames=film.num_frames,
                fps=film.fps,
                caption=_text(caption_file(film.path)),
            )
            for film in self.films
        ]
        self.groups = [range(i, i + 1) for i in range(len(self.clips))]

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Decode frames."""
        film = self.films[clip]
        rate = film.rate_of(frames) if film.is_variable and len(frames) > 1 else None
        return ClipFrames(pixels=film.read(frames), fps=rate)


class ProceduralClips:
    """Cartoons drawn from seeds, at the size that will be trained on, with exact line art.

    ``look`` is ``cartoon``, ``live``, ``lines``, ``painted``, or a mixture with a look for each
    seed: ``mixed`` without painted ones, ``all`` with them (``MIXTURES``). ``with_lines`` draws the
    line art too. ``kinds`` are the main figures that seeds take turns in; without any it is the
    seed's own.
    """

    GROUP = 256
    MIXTURES: ClassVar[Mapping[str, Sequence[str]]] = {
        "mixed": ("cartoon",) * 5 + ("live",) * 2 + ("lines",),
        "all": ("cartoon",) * 3 + ("painted",) * 3 + ("live", "lines"),
    }
    """Looks that seeds take turns in."""

    def __init__(
        self, seeds: Sequence[int], width: int, height: int, num_frames: int = 16,
        fps: float = 10.0, look: str = "cartoon", with_lines: bool = False,
        kinds: Sequence[str] = (),
    ) -> None:  # fmt: skip
        if not len(seeds):
            raise DatasetError("Drawn clips need at least one seed.")
        self.seeds = seeds
        self.width, self.height, self.look = width, height, look
        self.num_frames, self.fps, self.with_lines = num_frames, fps, with_lines
        self.kinds = tuple(kinds)
        count = len(seeds)
        self.groups = [range(i, min(i + self.GROUP, count)) for i in range(0, count, self.GROUP)]

    @property
    def clips(self) -> Sequence[ClipInfo]:
        """One clip a seed."""
        return self._clips

    @cached_property
    def _clips(self) -> Sequence[ClipInfo]:
        return [
            ClipInfo(key=f"{self._look(seed)}-{seed}", num_frames=self.num_frames, fps=self.fps)
            for seed in self.seeds
        ]

    def _look(self, seed: int) -> str:
        turns = self.MIXTURES.get(self.look, (self.look,))
        return turns[seed % len(turns)]

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Draw frames."""
        from ..procedural import render_clip

        seed = self.seeds[clip]
        drawn = render_clip(
            seed, self.width, self.height, self.num_frames, self._look(seed), frames=frames,
            with_lines=self.with_lines, kind=self.kinds[seed % len(self.kinds)] if self.kinds
            else None,
        )  # fmt: skip
        return ClipFrames(pixels=drawn.frames, lines=drawn.lines)


def _files(root: Path, extensions: frozenset[str]) -> list[Path]:
    if not root.is_dir():
        raise DatasetError(f"There is no folder '{root}'.")
    found = (path for path in root.rglob("*") if path.suffix.lower() in extensions)
    # Bins and caches of a system are folders whose names begin with a dot.
    return in_order(
        path for path in found
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    )  # fmt: skip


def _text(path: Path) -> str:
    return " ".join(read_text(path, DatasetError).split()) if path.is_file() else ""
