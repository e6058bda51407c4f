"""Digests of files by their content; those of large ones are remembered between runs.

Weights of ten gigabytes take half a minute to read, and a cut asks for their digest at every run.
"""

import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError
from .writing import read_json, write_json

logger = logging.getLogger(__name__)

LARGE = 64 << 20
"""Bytes from which on a digest is remembered; less is read in a moment."""
SETTLED = 2 * 10**9
"""Nanoseconds without a change before a file is read: some disks count time in steps of two
seconds, and within one a second change would not be seen."""
MOST = 200
"""Digests that are remembered; the earliest go first."""

_BLOCK = 1 << 22
_SAMPLES, _SAMPLE = 32, 1 << 15


def digest_of_file(path: Path, block: int = _BLOCK) -> str:
    """A hash of a file's content."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while content := file.read(block):
            found.update(content)
    return found.hexdigest()


class DigestMemory:
    """Digests of large files, each with what the file was like when it was read."""

    def __init__(
        self,
        note: Path | None,
        smallest: int = LARGE,
        read: Callable[[Path], str] = digest_of_file,
    ) -> None:
        """``note`` may be absent or damaged; None remembers nothing."""
        self._note, self._smallest, self._read = note, smallest, read

    def digest(self, path: Path) -> str:
        """The digest of a file, without reading it where it is as it was.

        That takes the same path, size, times of change and number on the disk, and the same bytes
        at places all over the file: what times may hide, such as other weights that were copied
        over these with a time that was set back, shows there.
        """
        path = path.resolve()
        state = _state(path)
        if self._note is None or state["size"] < self._smallest:
            return self._read(path)
        known = self._known().get(str(path))
        if isinstance(known, dict) and known.get("state") == state:
            digest = known.get("sha256")
            if isinstance(digest, str) and known.get("samples") == _samples(path):
                return digest
        began = time.time_ns()
        digest = self._read(path)
        samples = _samples(path)
        is_settled = max(state["changed"], state["touched"]) < began - SETTLED
        if is_settled and _state(path) == state:
            self._keep(str(path), {"state": state, "samples": samples, "sha256": digest})
        return digest

    def _known(self) -> dict[str, object]:
        found = None if self._note is None else read_json(self._note)
        return found if isinstance(found, dict) else {}

    def _keep(self, name: str, entry: dict[str, object]) -> None:
        """Write what is new; a disk that takes no note costs the next run time, and no result."""
        assert self._note is not None
        known = {other: one for other, one in self._known().items() if other != name}
        entry["at"] = time.time_ns()
        by_age = sorted(known.items(), key=lambda one: _age(one[1]), reverse=True)
        try:
            write_json(self._note, {name: entry, **dict(by_age[: MOST - 1])})
        except OutputError as error:
            logger.info("'%s' is read whole at the next run, too: %s", name, error)


def user_memory() -> DigestMemory:
    """What is remembered for this user, in the system's folder for what may go at any time."""
    folder = cache_folder()
    return DigestMemory(None if folder is None else folder / "digests.json")


def cache_folder() -> Path | None:
    """The program's folder of caches; None for a user without a home."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or home / ".cache"
    return Path(base) / "tooncrafter"


def _state(path: Path) -> dict[str, int]:
    """What changes with a file, in numbers.

    No program can set ``touched`` back, but on Windows, where it is when the file was made.
    """
    found = path.stat()
    return {
        "size": found.st_size,
        "changed": found.st_mtime_ns,
        "touched": found.st_ctime_ns,
        "number": found.st_ino,
        "disk": found.st_dev,
    }


def _samples(path: Path) -> str:
    """A hash of pieces all over a file, its begin and its end among them."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        last = max(0, os.fstat(file.fileno()).st_size - _SAMPLE)
        for number in range(_SAMPLES):
            found.update(_piece(file, last * number // (_SAMPLES - 1)))
    return found.hexdigest()


def _piece(file: BinaryIO, at: int) -> bytes:
    file.seek(at)
    return file.read(_SAMPLE)


def _age(entry: object) -> int:
    at = entry.get("at") if isinstance(entry, dict) else None
    return at if isinstance(at, int) else 0
