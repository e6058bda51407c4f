"""Reads clips to evaluate on, from folders of pictures and from video files.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

import csv
import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from ..errors import EvaluationError, FilmError, counted
from ..files import in_order, read_text
from ..metrics.metric import Clip
from ..pictures.films import CHANGES, Film, caption_file, film_files, open_film, picture_files
from ..pictures.fitting import fit
from ..pictures.levels import from_levels
from ..pictures.write import write_video

logger = logging.getLogger(__name__)

MIN_FRAMES = 3
"""Two keyframes and something between them."""


def find_clips(sources: Sequence[str | Path]) -> list[Clip]:
    """Every clip of some folders, video files and lists, sorted within a folder.

    A folder of pictures and a video file are one clip each; any other folder holds clips. A list is
    a ``.csv`` file with the columns ``path`` (relative to the list) and, if wanted, ``prompt``.
    ``EvaluationError`` for a path that does not exist, a folder or list without clips, and two
    clips of one name.
    """
    clips = [clip for source in sources for clip in _clips_of(Path(source))]
    seen: dict[str, Path] = {}
    for clip in clips:
        if clip.name in seen:
            raise EvaluationError(
                f"Two clips are named '{clip.name}': '{seen[clip.name]}' and '{clip.path}'. "
                "Rename one, results are kept by name."
            )
        seen[clip.name] = clip.path
    return clips


def _clips_of(source: Path) -> list[Clip]:
    if source.suffix.lower() == ".csv":
        return _listed(source)
    if not source.exists():
        raise EvaluationError(f"There is no clip at '{source}'.")
    source = source if source.name else source.absolute()
    if not source.is_dir() or picture_files(source):
        return [_clip(source)]
    folders = [p for p in source.iterdir() if picture_files(p)]
    clips = [_clip(p) for p in in_order([*film_files(source), *folders])]
    if not clips:
        raise EvaluationError(
            f"The folder '{source}' is empty of clips: needed are pictures, films (video files or "
            "animated pictures), or folders of pictures."
        )
    return clips


def _clip(path: Path, prompt: str | None = None) -> Clip:
    name = path.name if path.is_dir() else path.stem
    sidecar = caption_file(path)
    if prompt is None:
        prompt = read_text(sidecar, EvaluationError).strip() if sidecar.is_file() else ""
    places = path.with_name(f"{name}.npz")
    return Clip(name, path, prompt, places if places.is_file() else None)


def _listed(manifest: Path) -> list[Clip]:
    if not manifest.exists():
        raise EvaluationError(f"There is no list of clips at '{manifest}'.")
    text = read_text(manifest, EvaluationError)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise EvaluationError(f"The list '{manifest}' cannot be read: {error}") from error
    if not rows or "path" not in rows[0]:
        raise EvaluationError(
            f"The list '{manifest}' needs a first line with the word 'path' (and 'prompt', if "
            "there are any), then a line for each clip."
        )
    clips = []
    for row in rows:
        path = manifest.parent / (row["path"] or "")
        if not row["path"] or not path.exists():
            raise EvaluationError(f"The list '{manifest}' names '{row['path']}', which is missing.")
        clips.append(_clip(path, row.get("prompt")))
    return clips


def read_clip(path: str | Path, num_frames: int | None = None) -> Tensor:
    """All frames of a clip, ``t 3 h w``.

    ``EvaluationError`` when there are none or fewer than three, when a file cannot be read, when
    pictures differ in size, or when there are not ``num_frames``.
    """
    frames = _stack(list(video_frames(Path(path))), Path(path))
    found = frames.shape[0]
    if found < MIN_FRAMES:
        raise EvaluationError(
            f"'{path}' has {counted(found, 'frame')}; needed are two keyframes and "
            "at least one between them."
        )
    if num_frames is not None and found != num_frames:
        raise EvaluationError(
            f"'{path}' has {counted(found, 'frame')} and {num_frames} are needed. 'evaluate cut' "
            f"cuts clips of that length from videos; --frames {found} takes this one as it is."
        )
    return frames


def open_clip(path: str | Path) -> Film:
    """The film of a path; ``EvaluationError`` when there is none."""
    path = Path(path)
    if not path.exists():
        raise EvaluationError(f"There is no clip at '{path}'.")
    with _film_errors():
        film = open_film(path)
    _say_changes(path, film.changes)
    return film


@lru_cache(maxsize=4096)  # films are opened many times
def _say_changes(path: Path, changes: tuple[str, ...]) -> None:
    """Log what the reader does to a film, once."""
    for change in changes:
        logger.warning("'%s' is %s.", path.name, CHANGES[change])


@contextmanager
def _film_errors() -> Iterator[None]:
    """Turn what is wrong with a film into ``EvaluationError``."""
    try:
        yield
    except FilmError as error:
        raise EvaluationError(str(error)) from error


def _stack(frames: list[Tensor], path: Path) -> Tensor:
    if not frames:
        raise EvaluationError(f"'{path}' is damaged: no frame of it can be decoded.")
    return from_levels(torch.stack(frames))


def video_frames(path: Path) -> Iterator[Tensor]:
    """The frames of a film, ``3 h w`` in 256 levels, one after the other.

    ``EvaluationError`` when it cannot be read.
    """
    film = open_clip(path)
    with _film_errors():
        for _, pixels in film.iterate():
            yield rearrange(torch.from_numpy(pixels), "h w c -> c h w")


def write_frames(frames: Tensor, folder: Path, overwrite: bool = True) -> None:
    """Write ``t 3 h w`` as a folder of pictures; its name may have dots, as those of films do."""
    folder.mkdir(parents=True, exist_ok=True)
    write_video(frames, folder, overwrite=overwrite)


def fit_clip(frames: Tensor, width: int, height: int) -> Tensor:
    """A clip at the size asked for: filled, what sticks out cut off; ``t 3 h w``."""
    return fit(frames, width, height, "crop", 1)[0]
