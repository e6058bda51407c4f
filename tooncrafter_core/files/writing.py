"""The one way in which results are written: to a part, which gets its name when it is whole.

Whatever stops the program, the old or the new version is there, never a half of one.
"""

import errno
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import OutputError
from .parts import SIBLING, UNCHECKED, WITHIN, part_in, parts_of

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_IN_USE = {errno.EACCES, errno.EPERM, errno.EBUSY}


@contextmanager
def errors_in_words(path: Path, nbytes: int | None = None) -> Iterator[None]:
    """Turn the system's errors while writing ``path`` into ``OutputError``."""
    try:
        yield
    except OSError as error:
        size = "" if nbytes is None else f", {nbytes / 1e6:,.1f} MB"
        if error.errno in _FULL:
            raise OutputError(
                f"The disk is full: there is no room for '{path.name}'{size} in '{path.parent}'. "
                "Free some space, or write to another disk. What was there before is as it was; "
                "what was done is kept."
            ) from error
        hint = "Choose another place"
        hint += ", or close the program that uses it." if error.errno in _IN_USE else "."
        raise OutputError(
            f"'{path}' cannot be written: {error.strerror or error}. {hint}"
        ) from error


@contextmanager
def replacing(path: Path, nbytes: int | None = None) -> Iterator[Path]:
    """A part to write a file to, which gets the name ``path`` when the block ends well.

    The folder is made. ``nbytes`` is what messages call its size. ``OutputError`` for whatever
    the system refuses in the block.
    """
    with errors_in_words(path, nbytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        with part_in(path.parent) as part:
            yield part
            part.replace(path)


@contextmanager
def replacing_folder(path: Path, may_go: Callable[[Path], bool]) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``path`` as a whole when the block ends well.

    A folder that is there goes, if all that lies in it ``may_go``; an empty one stays the folder
    that it is, as it may be shared, or a disk of its own. ``OutputError`` as for ``replacing``.
    """
    path = path.absolute()
    with errors_in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        is_empty = path.is_dir() and not any(path.iterdir())
        with part_in(path if is_empty else path.parent) as part:
            new = part / "new"
            new.mkdir(parents=True)
            yield new
            if is_empty:
                _move_into(path, new, part / WITHIN)
            else:
                _swap(path, new, part, may_go)


def _move_into(folder: Path, new: Path, whole: Path) -> None:
    """Move every file of ``new`` into a folder, or none."""
    _check_goes(folder, parts_of(folder).__contains__)
    new.replace(whole)
    moved: list[Path] = []
    try:
        for file in sorted(whole.iterdir()):
            moved.append(file.replace(folder / file.name))
    except BaseException:
        for file in moved:
            file.unlink()
        raise


def _swap(path: Path, new: Path, part: Path, may_go: Callable[[Path], bool]) -> None:
    """Put a folder in the place of another, which lies in the part until all is done."""
    whole, mixed, old = part / SIBLING / path.name, part / UNCHECKED, part / "old"
    whole.parent.mkdir()
    mixed.mkdir()
    new.replace(whole)
    if path.is_dir():
        path.replace(mixed / path.name)
    # Until this is known, the part gives it back.
    _check_goes(mixed / path.name, may_go)
    try:
        mixed.replace(old)
        whole.replace(path)
    except BaseException:
        if old.is_dir() and whole.is_dir():
            old.replace(mixed)
        raise


def _check_goes(folder: Path, may_go: Callable[[Path], bool]) -> None:
    """``OSError`` for a folder that holds what may not go: it was there, or came meanwhile."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not may_go(path):
            raise OSError(errno.ENOTEMPTY, f"the folder holds other files ('{path.name}')")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made. ``OutputError`` on failure."""
    with replacing(path, len(content)) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, its line ends the same on every system."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON, sorted."""
    write_text(path, json.dumps(value, ensure_ascii=False, sort_keys=True))


def read_json(path: Path) -> Any | None:
    """The value of a JSON file; None when there is none, or none that can be read."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Add lines to the end of a log, in one write. ``OutputError`` on failure."""
    with errors_in_words(path), path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
