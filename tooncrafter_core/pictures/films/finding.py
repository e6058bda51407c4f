"""Finds films and pictures among the files that a person names."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import FilmError
from ...files import in_order, natural_key
from ..foreign import check_none_left_out
from ..kinds import PICTURE_EXTENSIONS, VIDEO_EXTENSIONS, is_animation


def find_films(paths: Sequence[str | Path]) -> list[Path]:
    """The films named or lying in the folders named, sorted.

    In a folder, files are known by their extension, pictures that hold several frames by their
    content, and folders with other pictures in them are films too. ``FilmError`` when a path does
    not exist or no film is found.
    """
    found: set[Path] = set()
    for path in map(Path, paths):
        if path.is_dir():
            found.update(_films_in(path))
        elif path.exists():
            found.add(path)
        else:
            raise FilmError(f"There is no file or folder '{path}'.")
    if not found:
        names = ", ".join(map(str, paths))
        raise FilmError(
            f"There is no video in {names or 'nothing'}: no file ends as one does, and no folder "
            "has pictures."
        )
    return sorted(found, key=natural_key)


def film_files(folder: Path) -> list[Path]:
    """The files of a folder that are films, 2 before 10."""
    return in_order(p for p in folder.iterdir() if p.is_file() and _is_film(p))


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder that hold one frame each, 2 before 10; none for a file."""
    return in_order(_stills(folder))


def all_pictures(folder: Path) -> list[Path]:
    """Like ``picture_files``; ``KeyframeError`` where one that counts as a frame is left out."""
    pictures = picture_files(folder)
    if pictures:
        check_none_left_out(folder, pictures)
    return pictures


def has_pictures(folder: Path) -> bool:
    """Whether ``picture_files`` would find any; looks into files up to the first alone."""
    return any(not path.name.startswith(".") for path in _stills(folder))


def _stills(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix.lower() in PICTURE_EXTENSIONS and not is_animation(path):
            yield path


def caption_file(path: Path) -> Path:
    """The path of the text file next to a film; a folder's name may have dots."""
    path = path if path.name else path.absolute()
    return path.with_name(f"{path.name if path.is_dir() else path.stem}.txt")


def _is_film(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_EXTENSIONS or is_animation(path)


def _films_in(root: Path) -> Iterator[Path]:
    """Every film in a folder and those below it."""
    pictures: set[Path] = set()
    for path in root.rglob("*"):
        # Bins and caches of a system are folders whose names begin with a dot.
        if any(p.startswith(".") for p in path.relative_to(root).parts) or not path.is_file():
            continue
        if _is_film(path):
            yield path
        elif path.suffix.lower() in PICTURE_EXTENSIONS:
            pictures.add(path.parent)
    yield from pictures
