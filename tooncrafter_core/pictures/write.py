"""Writes frames to files: videos, animated pictures, folders of pictures."""

from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..errors import OutputError
from ..files import Place, check_places, is_numbered_picture, replacing, replacing_folder
from .encode import encode_film
from .formats import FORMATS, check_alpha, check_fps, encode_png
from .levels import to_levels

# t frames, c channels, h w space


def write_video(
    frames: Tensor,
    path: str | Path,
    fps: float = 8.0,
    lossless: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write ``t 3 h w``, or ``t 4 h w`` with straight alpha, in [-1, 1], by the path's extension.

    ``.mp4`` ``.mkv`` (H.264), ``.webm`` (VP9), ``.mov`` (ProRes 4444), ``.gif`` (one palette for
    the clip), ``.webp``, ``.png`` ``.apng`` (animated PNG, lossless), or a folder (no extension)
    of pictures ``0001.png``. Every frame is a frame of the file, alike or not. Alpha is kept by
    all but H.264; GIF has on and off alone. ``lossless`` counts for WebP. Values are clamped and
    rounded to the nearest of 256 levels. H.264 and VP9 need even sides: an odd one gets its last
    row or column twice, which is logged. Nothing appears at ``path`` before the whole file is
    written. ``OutputError`` for an unknown extension, wrong frames or fps, alpha that the format
    cannot hold, a full disk, a folder with other files in it, and, without ``overwrite``, for a
    file or pictures that are there. Returns the path.
    """
    path = Path(path)
    pictures = _to_uint8(frames)
    check_output(path, fps, overwrite, has_alpha=pictures.shape[-1] == 4)
    kind = _kind(path)
    if kind == "":
        with replacing_folder(path, is_numbered_picture) as new:
            for number, picture in enumerate(pictures, start=1):
                (new / f"{number:04d}.png").write_bytes(encode_png(picture))
    else:
        with replacing(path) as part, part.open("wb") as file:
            encode_film(pictures, kind, fps, file, lossless)
    return path


def check_output(
    path: str | Path, fps: float = 8.0, overwrite: bool = False, has_alpha: bool = False
) -> None:
    """``OutputError`` for a video that could not be written as asked, before it is made."""
    check_format(path, fps, has_alpha)
    check_places([video_place("The video", path)], overwrite=overwrite)


def video_place(option: str, path: str | Path) -> Place:
    """The place of a video for ``check_places``."""
    return Place(option=option, at=path, kind="frames" if _kind(Path(path)) == "" else "file")


def check_format(path: str | Path, fps: float = 8.0, has_alpha: bool = False) -> None:
    """``OutputError`` for an extension, a rate or transparency that cannot be written."""
    path = Path(path)
    if (kind := _kind(path)) not in ("", *FORMATS):
        raise OutputError(
            f"'{path.name}': videos are written as {' '.join(FORMATS)}, or as a folder of PNG "
            f"pictures (a path without an extension); '{kind}' is none of these."
        )
    check_fps(kind, fps)
    if has_alpha:
        check_alpha(kind)


def _kind(path: Path) -> str:
    """The extension that decides the format; none for a folder."""
    return "" if path.is_dir() else path.suffix.lower()


def _to_uint8(frames: Tensor) -> np.ndarray:
    """``t h w c`` of 256 levels."""
    if frames.ndim != 4 or frames.shape[1] not in (3, 4) or 0 in frames.shape:
        raise OutputError(
            "A video is written from t 3 h w frames, or t 4 h w with alpha; got "
            f"{tuple(frames.shape)}."
        )
    frames = frames.detach().cpu()
    if not torch.isfinite(frames).all():
        raise OutputError("The video holds pixels that are not numbers (NaN or infinity).")
    return rearrange(to_levels(frames), "t c h w -> t h w c").contiguous().numpy()
