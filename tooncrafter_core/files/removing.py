"""The one way in which results of an earlier step go again: never with what somebody else made."""

import logging
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from ..errors import OutputError
from .parts import UNCHECKED, is_abandoned, part_in, put_back

logger = logging.getLogger(__name__)


def remove_file(path: Path) -> None:
    """Remove a file that this program wrote, if it is there. ``OutputError`` on failure."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"'{path}' cannot be removed: {error.strerror or error}. Close the program that uses "
            "it, or remove it yourself, and start again."
        ) from error


def remove_folder(folder: Path, written: Sequence[str]) -> bool:
    """Remove a folder that holds nothing but what was ``written``; whether it is gone.

    ``written`` are patterns of files, from the folder on, such as ``step-*/notes.json``. A folder
    that holds anything else stays as it is, and so do a link and what the system does not let go:
    then the log says why, as nobody has to stop work for it.
    """
    try:
        reason = _remove(folder, written)
    except OSError as error:
        reason = error.strerror or str(error)
    if reason is not None:
        logger.warning(
            "'%s' is no longer needed and was not removed: %s. Remove it yourself if you need the "
            "room.", folder, reason,
        )  # fmt: skip
    return reason is None


def _remove(folder: Path, written: Sequence[str]) -> str | None:
    """Remove a folder, or give the reason why it stays."""
    if not os.path.lexists(folder):
        return None
    if folder.is_symlink() or not folder.is_dir():
        return "it is no folder"
    reason = _foreign(folder, written)
    if reason is not None:
        return reason
    with part_in(folder.absolute().parent) as part:
        moved = part / UNCHECKED / folder.name
        moved.parent.mkdir(parents=True)
        # Out of its place at once: a kill leaves no half of it under its name.
        folder.replace(moved)
        # Once more: a file may have come between. Until this is known, the part gives it back.
        reason = _foreign(moved, written)
        if reason is None:
            moved.parent.replace(part / "checked")
        elif (place := put_back(part)[0]).name != folder.name:
            reason += f", and is now '{place}', as the folder was made again meanwhile"
    if os.path.lexists(part):
        return f"files in it could not be deleted, and are now in '{part}'"
    return reason


def _foreign(folder: Path, written: Sequence[str]) -> str | None:
    """Name the first thing in a folder that fits none of the patterns."""
    patterns = [PurePath(pattern).parts for pattern in written]
    for path, is_folder in _entries(folder):
        parts = path.relative_to(folder).parts
        if not any(_matches(parts, pattern, is_folder) for pattern in patterns):
            return f"it holds '{'/'.join(parts)}', which this program did not write"
    return None


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """All that lies in a folder but what a killed run has left, and whether it is a folder."""
    for entry in folder.iterdir():
        if is_abandoned(entry):
            continue
        is_folder = entry.is_dir() and not entry.is_symlink()
        yield entry, is_folder
        if is_folder:
            yield from _entries(entry)


def _matches(parts: Sequence[str], pattern: Sequence[str], is_folder: bool) -> bool:
    """Whether a file fits a pattern, or a folder what comes before the pattern's file."""
    fits = len(parts) < len(pattern) if is_folder else len(parts) == len(pattern)
    return fits and all(map(fnmatchcase, parts, pattern))
