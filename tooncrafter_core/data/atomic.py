"""Small files that are whole or not there, whatever stops the program."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import OutputError


@contextmanager
def disk_errors_in_words(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing ``path`` into ``OutputError``."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"The disk is full: there is no room for '{path.name}' in '{path.parent}'. Free "
                "some space and run the same command again: what was done is kept."
            ) from error
        raise OutputError(f"'{path}' cannot be written: {error.strerror or error}") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file beside its place, then put it there in one step. ``OutputError`` on failure."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with disk_errors_in_words(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON."""
    write_bytes(path, json.dumps(value, ensure_ascii=False, sort_keys=True).encode())


def read_json(path: Path) -> Any | None:
    """The value of a JSON file; None when there is none, or none that can be read."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
