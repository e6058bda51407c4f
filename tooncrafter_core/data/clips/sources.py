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
from ...files import in_order, natural_key
from ...pictures.films import VIDEO_EXTENSIONS, index_video, read_frames

# t frames, h w space

logger = logging.getLogger(__name__)

PICTURE_EXTENSIONS = frozenset([".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"])
FOLDER_FPS = 24.0
"""Of pictures in a folder, which have no clock: cartoons are shot at 24."""


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
        self.root = Path(root)
        folders = sorted(
            {path.parent for path in _files(self.root, PICTURE_EXTENSIONS)}, key=natural_key
        )
        self.pictures = [_pictures(folder) for folder in folders]
        if not folders:
            raise DatasetError(f"The folder '{root}' holds no pictures.")
        self.clips = [
            ClipInfo(
                key=folder.relative_to(self.root).as_posix(),
                num_frames=len(pictures),
                fps=fps,
                caption=_text(folder / "caption.txt"),
            )
            for folder, pictures in zip(folders, self.pictures, strict=True)
        ]
        self.groups = [range(i, i + 1) for i in range(len(folders))]

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Read pictures; all of a folder must have one size."""
        pictures = [_read_picture(self.pictures[clip][number]) for number in frames]
        sizes = sorted({picture.shape[1::-1] for picture in pictures})
        if len(sizes) > 1:
            raise DatasetError(
                f"The pictures of the clip '{self.clips[clip].key}' have different sizes: "
                f"{sizes[0][0]}x{sizes[0][1]} and {sizes[-1][0]}x{sizes[-1][1]}."
            )
        return ClipFrames(pixels=np.stack(pictures))


class VideoFiles:
    """Every video file is a clip; a text file of the same name beside it is its caption.

    Files that are no video are left out with a warning; ``DatasetError`` when none is left.
    """

    def __init__(self, paths: str | Path | Sequence[str | Path]) -> None:
        files = find_videos([paths] if isinstance(paths, str | Path) else paths)
        self.indices = []
        for file in files:
            try:
                self.indices.append(index_video(file))
            except DatasetError as error:
                logger.warning("%s It is left out.", error)
        if not self.indices:
            raise DatasetError("There is no video that can be read among the files given.")
        self.clips = [
            ClipInfo(
                key=index.path.as_posix(),
                num_frames=index.num_frames,
                fps=index.fps,
                caption=_text(index.path.with_suffix(".txt")),
            )
            for index in self.indices
        ]
        self.groups = [range(i, i + 1) for i in range(len(self.clips))]

    def read(self, clip: int, frames: Sequence[int]) -> ClipFrames:
        """Decode frames."""
        return ClipFrames(pixels=read_frames(self.indices[clip], frames))


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


def find_videos(paths: Sequence[str | Path]) -> list[Path]:
    """The video files named or lying in the folders named, sorted; known by their extension.

    ``DatasetError`` when a path does not exist or no video is found.
    """
    found: set[Path] = set()
    for path in map(Path, paths):
        if path.is_dir():
            found.update(_files(path, VIDEO_EXTENSIONS))
        elif path.exists():
            found.add(path)
        else:
            raise DatasetError(f"There is no file or folder '{path}'.")
    if not found:
        names = ", ".join(map(str, paths))
        raise DatasetError(f"There is no video in {names or 'nothing'}: no file ends as one does.")
    return sorted(found, key=natural_key)


def _files(root: Path, extensions: frozenset[str]) -> list[Path]:
    if not root.is_dir():
        raise DatasetError(f"There is no folder '{root}'.")
    found = (path for path in root.rglob("*") if path.suffix.lower() in extensions)
    # Bins and caches of a system are folders whose names begin with a dot.
    return in_order(
        path for path in found
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    )  # fmt: skip


def _pictures(folder: Path) -> list[Path]:
    """The pictures of a folder, 2 before 10."""
    return in_order(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_EXTENSIONS)


def _read_picture(path: Path) -> np.ndarray:
    """``h w 3`` uint8, read as keyframes are."""
    from einops import rearrange

    from ...pictures.files import read_image
    from ...pictures.levels import to_levels

    return rearrange(to_levels(read_image(path)), "c h w -> h w c").numpy()


def _text(path: Path) -> str:
    return " ".join(path.read_text("utf-8").split()) if path.is_file() else ""
