"""Writes videos to files."""

import errno
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from ..errors import OutputError
from ..files import Place, check_places, is_numbered_picture
from .formats import ENCODERS, Frames, encode_png
from .levels import to_levels

# t frames, c channels, h w space

logger = logging.getLogger(__name__)


def write_video(
    frames: Tensor,
    path: str | Path,
    fps: float = 8.0,
    lossless: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write ``t 3 h w`` in [-1, 1] as a video, by the path's extension.

    ``.mp4`` ``.mkv`` (H.264), ``.webm`` (VP9), ``.gif``, ``.webp``, ``.png`` ``.apng`` (animated
    PNG, lossless), or a folder (no extension) of pictures ``0001.png``. ``lossless`` counts for
    WebP. Values are clamped and rounded to the nearest of 256 levels; the official program cuts
    the fraction off instead, half a level darker. H.264 and VP9 need even sides: an odd one gets
    its last row or column twice, which is logged. Nothing appears at ``path`` before the whole
    file is written. ``OutputError`` for an unknown extension, wrong frames or fps, a full disk, a
    folder with other files in it, and, without ``overwrite``, for a file or pictures that are
    there. Returns the path.
    """
    path = Path(path)
    check_output(path, fps, overwrite)
    kind = _kind(path)
    pictures = _to_uint8(frames)
    if kind == "":
        encoded = {
            f"{i:04d}.png": encode_png(picture) for i, picture in enumerate(pictures, start=1)
        }
        _write_folder(path, encoded)
    else:
        _write_file(path, ENCODERS[kind](pictures, fps, lossless))
    return path


def check_output(path: str | Path, fps: float = 8.0, overwrite: bool = False) -> None:
    """Tell before the video is made that it cannot be written as asked: ``OutputError``."""
    check_format(path, fps)
    check_places([video_place("The video", path)], overwrite=overwrite)


def video_place(option: str, path: str | Path) -> Place:
    """The place of a video for ``check_places``."""
    return Place(option=option, at=path, kind="frames" if _kind(Path(path)) == "" else "file")


def check_format(path: str | Path, fps: float = 8.0) -> None:
    """``OutputError`` for an extension that no video has, and a rate that nothing can play."""
    path = Path(path)
    if (kind := _kind(path)) not in ("", *ENCODERS):
        raise OutputError(
            f"'{path.name}': videos are written as {' '.join(ENCODERS)}, or as a folder of PNG "
            f"pictures (a path without an extension); '{kind}' is none of these."
        )
    if not 0.1 <= fps <= 1000 or (kind == ".gif" and fps > 50):
        limit = 50 if kind == ".gif" else 1000
        raise OutputError(f"This video can play at 0.1 to {limit} fps, not at {fps}.")


def _kind(path: Path) -> str:
    """The extension that decides the format; none for a folder."""
    return "" if path.is_dir() else path.suffix.lower()


def _to_uint8(frames: Tensor) -> Frames:
    """``t h w 3`` of 256 levels."""
    if frames.ndim != 4 or frames.shape[1] != 3 or 0 in frames.shape:
        raise OutputError(f"A video is written from t 3 h w frames, got {tuple(frames.shape)}.")
    frames = frames.detach().cpu()
    if not torch.isfinite(frames).all():
        raise OutputError("The video holds pixels that are not numbers (NaN or infinity).")
    return rearrange(to_levels(frames), "t c h w -> t h w c").contiguous().numpy()


@contextmanager
def _beside(path: Path, needed: int, folder: Path | None = None) -> Iterator[Path]:
    """A hidden name next to ``path`` to write to first; whatever is left there is removed.

    It is in ``folder`` where that is given.
    """
    absolute = path.absolute()
    part = (folder or absolute.parent) / f".{absolute.name}.{os.getpid()}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
    except OSError as error:
        size = f"{needed / 2**20:.1f} MiB"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"The disk is full: '{path.parent}' has no room for the {size} of this video. "
                "Free some space or write elsewhere; nothing was left behind."
            ) from error
        raise OutputError(f"The video ({size}) cannot be written to '{path}': {error}") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        elif part.exists():
            part.unlink()


def _write_file(path: Path, content: bytes) -> None:
    """Write the whole file, then put it in place in one step."""
    with _beside(path, len(content)) as part:
        part.write_bytes(content)
        part.replace(path)


def _write_folder(path: Path, files: dict[str, bytes]) -> None:
    """Write all pictures, then put them in place; an older sequence there goes."""
    needed = sum(map(len, files.values()))
    # An empty folder stays the one that it is: it may be shared, or a disk of its own.
    is_empty = path.is_dir() and not any(path.iterdir())
    with _beside(path, needed, path.absolute() if is_empty else None) as part:
        new = part / "new"
        new.mkdir(parents=True)
        for name, content in files.items():
            (new / name).write_bytes(content)
        if is_empty:
            _move_into(path, [new / name for name in files])
        else:
            _swap(path, new, part / "old")


def _move_into(folder: Path, files: Sequence[Path]) -> None:
    """Move every file into a folder, or none."""
    moved: list[Path] = []
    try:
        for file in files:
            moved.append(file.replace(folder / file.name))
    except OSError:
        for file in moved:
            file.unlink()
        raise


def _swap(path: Path, new: Path, old: Path) -> None:
    """Put a folder in the place of another, which is kept as ``old``."""
    if path.is_dir():
        path.replace(old)
    try:
        if old.is_dir() and not all(map(is_numbered_picture, old.iterdir())):
            raise OSError(errno.ENOTEMPTY, "other files have come into the folder")
        new.replace(path)
    except OSError:
        if old.is_dir():
            old.replace(path)
        raise
