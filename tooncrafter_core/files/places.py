"""Checks of the places where results are written.

Places are checked before anything is loaded or computed. A command never overwrites what it reads,
and replaces what was there before only with ``--overwrite``.
"""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from ..errors import OutputError, counted
from .order import natural_key
from .parts import check_writable, remove_abandoned

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|(https?|ftp|s3|gs|file|smb):/")
"""A drive of Windows has one letter; a path has one slash where an address had two."""
_ENDING = re.compile(
    r"\.(mp4|mkv|webm|mov|gif|webp|a?png|jpe?g|safetensors|sft|ckpt|json|csv|xdts|html|md)", re.I
)
"""Of files that are written: a name that is nothing else is one that was forgotten."""

NUMBERED_PICTURE = re.compile(r"\d{4,}\.png")
"""Names of the pictures that a folder of frames is written as."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a result goes."""

    option: str
    """The option that names it, such as ``--sheet``."""
    at: str | Path
    """As it was typed."""
    kind: Literal["file", "frames", "folder"] = "file"
    """``frames``: a folder of numbered pictures, written as a whole; ``folder``: one that results
    are added to."""
    names: Sequence[str] = ()
    """What is written into a ``folder``, as patterns such as ``*.csv``."""
    marks: Sequence[str] = ()
    """Files of which every ``folder`` written by an earlier run has one; in such a folder results
    are replaced without asking."""
    can_overwrite: bool = True
    """Whether the command has ``--overwrite``."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.at)


def check_places(
    places: Sequence[Place], inputs: Sequence[str | Path] = (), overwrite: bool = False
) -> None:
    """``OutputError`` for a place that is read, used twice, not free or not writable.

    ``inputs`` are the files and folders that the command reads; they are never written over,
    ``overwrite`` or not.
    """
    for place in places:
        try:
            check_place(place, inputs, overwrite)
        except OSError as error:
            raise OutputError(
                f"{place.option} '{place.at}' cannot be written: {error.strerror or error}. Name "
                "another place."
            ) from error
    for one, other in combinations(places, 2):
        _check_apart(one, other)


def check_place(place: Place, inputs: Sequence[str | Path] = (), overwrite: bool = False) -> None:
    """Check one place; ``OSError`` where the system refuses to look at it or to write there."""
    if str(place.at) in ("", "-"):
        raise OutputError(
            f"{place.option} '{place.at}' is no name. Results are written to files, not to the "
            "standard output: give a path."
        )
    if _ADDRESS.match(str(place.at)):
        raise OutputError(
            f"{place.option} '{place.at}' is an address, and results are written to this machine's "
            "disks alone. Give a path."
        )
    if _ENDING.fullmatch(place.path.name) and not os.path.lexists(place.path):
        raise OutputError(
            f"{place.option} '{place.at}' is an ending without a name before it. Name the result, "
            f"as in 'result{place.path.name}'."
        )
    if "\0" in str(place.at):
        raise OutputError(
            f"{place.option} '{place.at}' is no name: no system takes a NUL character in one. Name "
            "another place."
        )
    for folder in {place.path.parent, place.path}:
        remove_abandoned(folder)
    for given in inputs:
        _check_input(place, Path(given))
    _check_free(place, overwrite)
    _check_writable(place)


def _check_input(place: Place, given: Path) -> None:
    """Refuse a place that the command reads from."""
    if not os.path.lexists(given):  # what reads it says so
        return
    path = place.path
    is_read = _is_same(path, given)
    if place.kind == "frames":
        is_read |= _holds(path, given)
    if place.kind == "folder":
        is_read |= any(_is_same(p, given) or _holds(p, given) for p in _written(place))
    elif _has_content(path):
        is_read |= given.is_dir() and _holds(given, path)
    if is_read:
        raise OutputError(
            f"{place.option} '{place.at}' would write over what is read from '{given}'. Name "
            "another place."
        )


def _check_free(place: Place, overwrite: bool) -> None:
    """Refuse a place with content that may not be replaced."""
    path = place.path
    if path.is_symlink() and place.kind != "folder":
        raise OutputError(
            f"{place.option} '{path}' is a link, which would be replaced. Name what it leads to, "
            "or another place."
        )
    if not path.exists():
        return
    if place.kind == "file":
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "no ordinary file"
            raise OutputError(f"{place.option} '{path}' is {kind}. Name a file.")
        found = "" if overwrite else f"'{path}' exists"
    elif not path.is_dir():
        raise OutputError(
            f"'{path}' is a file; name a folder, or add an extension for a video."
            if place.kind == "frames"
            else f"{place.option} '{path}' is a file. Name a folder."
        )
    elif place.kind == "frames":
        found = _pictures_in(path, overwrite)
    else:
        found = "" if overwrite else _foreign_in(place)
    if found:
        way_out = "Choose another name"
        way_out += ", or add --overwrite." if place.can_overwrite else "."
        raise OutputError(f"{found}. {way_out}")


def _pictures_in(folder: Path, overwrite: bool) -> str:
    """What a folder holds that new pictures would replace; ``OutputError`` for other files."""
    entries = sorted(folder.iterdir(), key=natural_key)
    others = [p.name for p in entries if not is_numbered_picture(p)]
    if others:
        raise OutputError(
            f"The folder '{folder}' holds other files ('{others[0]}'); name a new or empty one."
        )
    if not entries or overwrite:
        return ""
    return (
        f"The folder '{folder}' holds {counted(len(entries), 'picture')} ('{entries[0].name}' ...)"
    )


def is_numbered_picture(path: Path) -> bool:
    """Whether this is a file named as the pictures of a folder of frames are."""
    return bool(NUMBERED_PICTURE.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


def _foreign_in(place: Place) -> str:
    """What would be overwritten in a folder that no earlier run has written."""
    if any((place.path / mark).exists() for mark in place.marks):
        return ""
    foreign = [path.name for path in _written(place)]
    return f"The folder '{place.path}' has a '{foreign[0]}' of its own" if foreign else ""


def _check_writable(place: Place) -> None:
    """Create and remove a file where the result will be prepared."""
    path = place.path.absolute()
    is_inside = place.kind == "folder" or (path.is_dir() and not any(path.iterdir()))
    folder = path if is_inside else path.parent
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise OutputError(
            f"{place.option} '{place.at}' cannot be written: '{folder}' is no folder. Name another "
            "place."
        )
    with suppress(FileNotFoundError, NotADirectoryError):
        path.lstat()  # which a system refuses for a name that is too long
    check_writable(folder)


def _check_apart(one: Place, other: Place) -> None:
    """Refuse two results of which one would overwrite the other or lie in it."""
    same = _folded(one.path) == _folded(other.path) or _is_same(one.path, other.path)
    inside = any(
        outer.kind == "frames" and _folded(outer.path) in _folded(inner.path).parents
        for outer, inner in ((one, other), (other, one))
    )
    if same or inside:
        where = "the same place" if same else "a place within the other"
        raise OutputError(
            f"{one.option} '{one.at}' and {other.option} '{other.at}' name {where}. Give each a "
            "place of its own."
        )


def _written(place: Place) -> Iterator[Path]:
    """What lies where a ``folder`` will be written."""
    if place.path.is_dir():
        for pattern in place.names:
            yield from sorted(place.path.glob(pattern))


def _has_content(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file or folder, by whatever spelling."""
    return one.exists() and other.exists() and one.samefile(other)


def _holds(folder: Path, inner: Path) -> bool:
    """Whether a path, or what it leads to, lies in a folder at any depth."""
    if not folder.is_dir():
        return False
    # A link lies in its own folder and leads to another; either would be written over.
    spellings = (Path(os.path.realpath(inner.parent)) / inner.name, Path(os.path.realpath(inner)))
    return any(_is_same(parent, folder) for path in spellings for parent in path.parents)


def _folded(path: Path) -> Path:
    """A path that is equal for names that some file systems treat as the same."""
    return Path(unicodedata.normalize("NFC", os.path.realpath(path)).casefold())
