"""A disk with little room, for tests of what is left when it is full."""

import errno
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest


@dataclass
class Disk:
    """How many more bytes find room, and what was written so far."""

    left: int = sys.maxsize
    written: list[int] = field(default_factory=list)
    """The bytes of each file, in the order in which they were opened."""


class _File(io.FileIO):
    """A file that is written up to the last byte for which there is room."""

    def __init__(self, path: Path, mode: str, disk: Disk) -> None:
        super().__init__(path, mode.replace("b", ""))
        self.disk, self.number = disk, len(disk.written)
        disk.written.append(0)

    def write(self, content: Any, /) -> int:
        data = memoryview(content).cast("B")
        fits = min(len(data), self.disk.left)
        super().write(data[:fits])
        self.disk.left -= fits
        self.disk.written[self.number] += fits
        if fits < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        return fits


@contextmanager
def disk_with_room(nbytes: int = sys.maxsize) -> Iterator[Disk]:
    """Let whatever is written in binary through ``Path`` find this much room."""
    disk, open_path = Disk(nbytes), Path.open

    def open_there(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if set("wxa") & set(mode) and "b" in mode:
            return _File(self, mode, disk)
        return cast(Any, open_path)(self, mode, *rest, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "open", open_there)
        yield disk
