"""What distinguishes two states of a weight file, without reading the whole file."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...errors import CheckpointError

_EDGE = 1 << 16
"""Bytes from the beginning and from the end that go into a digest: safetensors files have their
index at the beginning, torch's at the end."""


@dataclass(frozen=True)
class FileState:
    """Size and time of the last change: they differ once somebody has written to the file."""

    size: int
    modified: int
    """In nanoseconds."""
    number: int
    """The file's own in its file system: it differs once another file has this one's name."""

    @classmethod
    def of(cls, file: BinaryIO) -> "FileState":
        """The state of an open file."""
        found = os.fstat(file.fileno())
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


def open_weights(path: Path) -> BinaryIO:
    """Open a file for reading, unbuffered; ``CheckpointError`` for all but ordinary files.

    Pipes and devices are never opened: they wait for ever, or never end.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(
                f"{path} is no ordinary file (a pipe or a device). Choose a .safetensors or .ckpt "
                "file."
            )
        return path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no file {path}. Check the name and the folder.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CheckpointError(
            f"{path} cannot be read ({reason}). Check the name and its permissions."
        ) from error


def file_identity(path: str | Path) -> str:
    """A short text that is another once the file has been replaced or written to.

    It is of the file's size, the time of its last change and a digest of its first and last 64 KiB,
    where the index is. It takes well under a millisecond, whatever the file's size.
    ``CheckpointError`` for a file that is not there or cannot be read.
    """
    with open_weights(Path(path)) as file:
        state = FileState.of(file)
        digest = hashlib.blake2b(file.read(_EDGE), digest_size=16)
        file.seek(max(0, state.size - _EDGE))
        digest.update(file.read(_EDGE))
    return f"{state.size}-{state.modified}-{digest.hexdigest()}"
