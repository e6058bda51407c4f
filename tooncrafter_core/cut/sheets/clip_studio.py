"""Clip Studio Paint's exposure sheet as CSV.

The first row names parent folders, the second the cels, every other row begins with the number of
its frame. What is written back differs from what was read in the filled cells alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import SheetError
from ..values import MAX_LENGTH
from .columns import Column, Mark, Names, Value
from .text import SheetText

SYMBOLS = {
    "○": Mark.CIRCLE,
    "〇": Mark.CIRCLE,
    "◯": Mark.CIRCLE,
    "●": Mark.DOT,
    "×": Mark.NOTHING,
    "-": Mark.GOES_ON,
    "": Mark.GOES_ON,
}
DEFAULT_FPS = 24.0

_CELL = re.compile(r'"(?:[^"]|"")*"|[^,"\r\n]*')

Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class ClipStudioSheet:
    """A sheet that was read from Clip Studio's CSV, which has no frame rate."""

    source: SheetText
    columns: Sequence[Column]
    length: int
    places: Mapping[tuple[int, int], Span]
    """By column and frame, where in the text a cell begins and ends."""
    fps: float = DEFAULT_FPS

    @property
    def name(self) -> str:
        """Of the file."""
        return self.source.name

    def filled(self, names: Names) -> bytes:
        """The file with these values in its cells, and every other byte as it was."""
        return self.source.replaced(
            (*self.places[cell], quoted(value)) for cell, value in names.items()
        )


def read_clip_studio(source: SheetText) -> ClipStudioSheet:
    """Read a sheet; ``SheetError`` in one sentence for another table or damage."""
    rows = _rows(source)
    if len(rows) < 3 or len(rows[1]) < 2:
        raise SheetError(
            f"'{source.name}' is no exposure sheet of Clip Studio: it has a row of folders, one of "
            "cels, and one for each frame."
        )
    names = [_unquoted(source.text[slice(*span)]) for span in rows[1][1:]]
    frames = rows[2:]
    if len(frames) > MAX_LENGTH:
        raise SheetError(f"'{source.name}' has {len(frames)} frames; {MAX_LENGTH} can be read.")
    cells: list[dict[int, Value]] = [{} for _ in names]
    places: dict[tuple[int, int], Span] = {}
    for frame, row in enumerate(frames):
        number = _unquoted(source.text[slice(*row[0])]).strip()
        if number != str(frame + 1):
            raise SheetError(
                f"'{source.name}' has '{number}' where frame {frame + 1} is due: frames must be "
                "numbered from 1, one a row."
            )
        if len(row) > len(names) + 1:
            raise SheetError(
                f"'{source.name}' has {len(row) - 1} cells at frame {number} for {len(names)} cels."
            )
        for column, span in enumerate(row[1:]):
            text = _unquoted(source.text[slice(*span)]).strip()
            if text:
                cells[column][frame] = SYMBOLS.get(text, text)
                places[column, frame] = span
    return ClipStudioSheet(
        source=source,
        columns=tuple(
            Column(name=name, cells=column) for name, column in zip(names, cells, strict=True)
        ),
        length=len(frames),
        places=places,
    )


def _rows(source: SheetText) -> list[list[Span]]:
    """Where the cells of each row are; empty rows at the end do not count."""
    text, at, rows = source.text, 0, []
    row: list[Span] = []
    while at < len(text):
        match = _CELL.match(text, at)
        end = match.end() if match else at
        row.append((at, end))
        after = text[end : end + 1]
        if after not in (",", "\r", "\n", ""):
            raise SheetError(f"'{source.name}' is damaged: row {len(rows) + 1} is no CSV.")
        if after == ",":
            at = end + 1
            if at < len(text):
                continue
            row.append((at, at))
        else:
            at = end + (2 if text[end : end + 2] == "\r\n" else 1)
        rows.append(row)
        row = []
    while rows and all(begin == end for begin, end in rows[-1]):
        rows.pop()
    return rows


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def quoted(value: str) -> str:
    """A cell as Clip Studio writes every one."""
    doubled = value.replace('"', '""')
    return f'"{doubled}"'
