"""Writes frames to files: videos, animated pictures, folders of pictures."""

from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from ..errors import OutputError
from ..files import Place, check_places, is_numbered_picture, replacing_folder, write_bytes
from .formats import ENCODERS, Frames, encode_png
from .levels import to_levels

# t frames, c channels, h w space


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
        with replacing_folder(path, is_numbered_picture) as new:
            for number, picture in enumerate(pictures, start=1):
                write_bytes(new / f"{number:04d}.png", encode_png(picture))
    else:
        write_bytes(path, ENCODERS[kind](pictures, fps, lossless))
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
