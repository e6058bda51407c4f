"""Parts: files and folders under a hidden name while they are written.

The name says the machine and the process, so that a later run finds what a killed one has left. Its
ending is none that ComfyUI lists among weights.
"""

import hashlib
import logging
import os
import platform
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

ABANDONED_AFTER = 24 * 3600
"""Seconds without a change after which no process can be at work on a part."""

_NAME = re.compile(r"\.tooncrafter-([0-9a-f]{8})-(\d{1,9})-[0-9a-f]{6}\.part")
_MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_in_use: set[str] = set()
"""Names, as one folder has several spellings."""
_searched: set[Path] = set()

SIBLING, WITHIN = "sibling", "within"
"""Folders in a part for complete content that will lie next to the part, or within its folder."""
UNCHECKED = "unchecked"
"""The folder in a part for what may be somebody else's: it is put back and never removed."""


def part_name() -> str:
    """A name that no other part has."""
    return f".tooncrafter-{_MACHINE}-{os.getpid()}-{secrets.token_hex(3)}.part"


@contextmanager
def part_in(folder: Path) -> Iterator[Path]:
    """A part to write in a folder that is there; what is still under its name is removed.

    What lies unchecked in it is put back before, and a warning says where its place was taken.
    ``OSError`` when that fails: then it stays in the part.
    """
    folder = folder.absolute()
    if folder not in _searched:
        # Once for each folder: some hold more files than can be listed before every write.
        remove_abandoned(folder)
        _searched.add(folder)
    part = folder / part_name()
    _in_use.add(part.name)
    try:
        yield part
    finally:
        try:
            _give_back(part)
            _remove(part)
        finally:
            _in_use.discard(part.name)


def check_writable(folder: Path) -> None:
    """Create and remove a file in a folder; ``OSError`` where the system refuses that."""
    probe = folder / part_name()
    # Another thread that looks for abandoned parts must not take it for one.
    _in_use.add(probe.name)
    try:
        with probe.open("xb"):
            pass
        probe.unlink()
    finally:
        _in_use.discard(probe.name)


def remove_abandoned(folder: Path) -> None:
    """Remove the parts of processes that are gone.

    A folder that was whole, and whose old version was already out of its place, is put there.
    """
    if not folder.is_dir():
        return
    for part in parts_of(folder):
        try:
            if is_abandoned(part):
                _finish(part)
                _remove(part)
        except OSError as error:
            logger.warning("'%s', left by a stopped run, cannot be removed: %s", part, error)


def parts_of(folder: Path) -> list[Path]:
    """The parts in a folder; other programs have files of that ending too."""
    return sorted(
        p for p in folder.absolute().glob(".tooncrafter-*.part") if _NAME.fullmatch(p.name)
    )


def is_abandoned(part: Path) -> bool:
    """Whether this is a part that no process is at work on."""
    name = _NAME.fullmatch(part.name)
    if name is None or part.name in _in_use:
        return False
    machine, process = name[1], int(name[2])
    if machine == _MACHINE and (process == os.getpid() or not is_running(process)):
        return True
    # Of another machine, or under the number of a process that is gone.
    return time.time() - part.lstat().st_mtime > ABANDONED_AFTER


def is_of_this_machine(part: Path) -> bool:
    """Whether a process of this machine made a part, which can be looked for."""
    name = _NAME.fullmatch(part.name)
    return name is not None and name[1] == _MACHINE


def _finish(part: Path) -> None:
    """Do what was left to do when a whole folder was being put in its place."""
    _give_back(part)
    for path in (part / WITHIN).glob("*"):
        if not os.path.lexists(part.parent / path.name):
            path.replace(part.parent / path.name)
    for path in (part / SIBLING).glob("*"):
        if not os.path.lexists(part.parent / path.name):
            path.replace(part.parent / path.name)


def put_back(part: Path) -> list[Path]:
    """Move what is unchecked out of a part, under a name that is free where its own is taken.

    Gives the places. ``OSError`` says where it is when it cannot be moved.
    """
    return [_moved_next_to(part, path) for path in sorted((part / UNCHECKED).glob("*"))]


def _give_back(part: Path) -> None:
    """As above, with a warning for what stays under another name."""
    taken = {path.name for path in (part / UNCHECKED).glob("*")}
    for place in put_back(part):
        if place.name not in taken:
            logger.warning("A folder whose place was taken meanwhile is kept as '%s'.", place)


def _moved_next_to(part: Path, path: Path) -> Path:
    """Move a folder next to a part without replacing anything; gives where it is."""
    number = 1
    place = part.parent / path.name
    while True:
        try:
            return path.replace(place)
        except OSError as error:
            # No question before: another program may make it between.
            if not os.path.lexists(place):
                reason = f"{error.strerror or error}; it is now in '{path}'"
                raise OSError(error.errno, reason) from error
        ending = "-kept" if number == 1 else f"-kept-{number}"
        place, number = part.parent / f"{path.name}{ending}", number + 1


def _remove(part: Path) -> None:
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether a process of this number is there, be it another user's."""
    if sys.platform == "win32":
        return _is_running_on_windows(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_running_on_windows(process: int) -> bool:
    """As above: there, signal 0 would interrupt the process."""
    import ctypes

    query, access_denied, still_active = 0x1000, 5, 259
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # pyright: ignore
    handle = kernel.OpenProcess(query, False, process)
    if not handle:
        return ctypes.get_last_error() == access_denied  # pyright: ignore
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == still_active
