"""The order in which files are read: as people count them."""

import re
from collections.abc import Iterable
from pathlib import Path

_NUMBERS_AND_TEXTS = re.compile(r"(\d+)|(\D+)")


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Files as people count them, 2 before 10, without those whose names begin with a dot.

    Systems add such files: macOS writes a ``._5.png`` next to ``5.png``.
    """
    return sorted((path for path in paths if not path.name.startswith(".")), key=natural_key)


def natural_key(path: Path) -> tuple[list[list[tuple[int, int, str]]], str]:
    """A key by which numbers in names count as numbers, before letters."""
    parts = [
        [
            (0, int(number), "") if number else (1, 0, text.casefold())
            for number, text in _NUMBERS_AND_TEXTS.findall(part)
        ]
        for part in path.parts
    ]
    return parts, str(path)
