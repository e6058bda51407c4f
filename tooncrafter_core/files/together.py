"""Files that belong together, such as a sheet and its table: all new ones, or all old ones."""

import os
from collections.abc import Sequence
from pathlib import Path

from .parts import UNCHECKED, part_in
from .writing import errors_in_words


def write_together(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write files of one folder, which is made; the last is the one that names the others.

    All are whole before the first gets its name, and the last gets its name last. Old versions
    wait in a part until then: after a failure they are back at once, after a kill when the next
    run writes into the folder. ``OutputError`` on failure.
    """
    paths = [path.absolute() for path, _ in files]
    folder = paths[-1].parent
    with errors_in_words(paths[0], sum(len(content) for _, content in files)):
        folder.mkdir(parents=True, exist_ok=True)
        with part_in(folder) as part:
            new, kept = part / "new", part / UNCHECKED
            new.mkdir(parents=True)
            kept.mkdir()
            for path, (_, content) in zip(paths, files, strict=True):
                (new / path.name).write_bytes(content)
            _exchange(paths, new, kept)
            # From here on the new ones count, and the old ones go with the part.
            kept.replace(part / "old")


def _exchange(paths: Sequence[Path], new: Path, kept: Path) -> None:
    """Put old files aside, the one that names the others first, and new ones in their places."""
    placed: list[Path] = []
    try:
        for path in reversed(paths):
            if os.path.lexists(path):
                path.replace(kept / path.name)
        for path in paths:
            placed.append((new / path.name).replace(path))
    except BaseException:
        for path in placed:
            path.unlink()
        raise
