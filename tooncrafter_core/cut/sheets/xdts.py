"""XDTS, the exchange format of exposure sheets: a line, then JSON.

What is written back differs from what was read in the filled cells alone, byte for byte.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ...errors import SheetError
from ..values import MAX_LENGTH, check_fps
from .columns import Column, Mark, Names, Value
from .json_text import Path, string_places
from .text import SheetText

FIRST_LINE = "exchangeDigitalTimeSheet Save Data"
VERSIONS = (5, 10)
CELS = 0
"""The fieldId of drawings; 3 is dialogue, 5 the camera."""
DEFAULT_FPS = 24.0

SYMBOLS = {
    "SYMBOL_NULL_CELL": Mark.NOTHING,
    "SYMBOL_HYPHEN": Mark.GOES_ON,
    "SYMBOL_TICK_1": Mark.CIRCLE,
    "SYMBOL_TICK_2": Mark.DOT,
}

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Xdts:
    """A sheet that was read from an XDTS file."""

    source: SheetText
    columns: Sequence[Column]
    length: int
    fps: float
    header: Mapping[str, str]
    """``cut`` and ``scene`` as the file has them."""
    places: Mapping[tuple[int, int], tuple[int, int]]
    """By column and frame, where in the text the value of a cell begins and ends."""

    @property
    def name(self) -> str:
        """Of the file."""
        return self.source.name

    def filled(self, names: Names) -> bytes:
        """The file with these values in its cells, and every other byte as it was."""
        return self.source.replaced(
            (*self.places[cell], json.dumps(value, ensure_ascii=False))
            for cell, value in names.items()
        )


def is_xdts(source: SheetText) -> bool:
    """Whether a file begins as this format does."""
    return source.text.partition("\n")[0].strip() == FIRST_LINE


def read_xdts(source: SheetText) -> Xdts:
    """Read a sheet; ``SheetError`` in one sentence for another format, version or damage."""
    first, line_end, body = source.text.partition("\n")
    if not is_xdts(source):
        raise SheetError(
            f"'{source.name}' is a sheet of another format: its first line is '{first.strip()}', "
            f"and that of XDTS is '{FIRST_LINE}'. Export it as XDTS."
        )
    data, places = _parse(body, source.name, len(first) + len(line_end))
    document = _Node(data, (), source.name)
    version = document.value.get("version") if isinstance(data, dict) else None
    if version not in VERSIONS or isinstance(version, bool):
        raise SheetError(
            f"'{source.name}' is XDTS of version {version}; versions "
            f"{' and '.join(map(str, VERSIONS))} can be read."
        )
    tables = document.items("timeTables")
    if not tables:
        raise SheetError(f"'{source.name}' has no time table: it says nothing of frames.")
    table = tables[0]
    found: dict[tuple[int, int], tuple[int, int]] = {}
    columns = []
    for number, (name, cells) in enumerate(_tracks(table)):
        columns.append(Column(name=name, cells={f: value for f, (value, _) in cells.items()}))
        found.update(((number, f), places[path]) for f, (_, path) in cells.items() if path)
    length = table.get("duration", int)
    if not 1 <= length <= MAX_LENGTH:
        raise SheetError(
            f"'{source.name}' has a duration of {length} frames; 1 to {MAX_LENGTH} can be read."
        )
    return Xdts(
        source=source,
        columns=tuple(columns),
        length=length,
        fps=_fps(table),
        header={k: str(v) for k, v in _mapping(data.get("header")).items()},
        places=found,
    )


def _parse(body: str, name: str, offset: int) -> tuple[Any, dict[Path, tuple[int, int]]]:
    """The JSON of a sheet, and where in the text each of its strings is."""
    try:
        data = json.loads(body)
        places = string_places(body, data)
    except json.JSONDecodeError as error:
        # The format's own line comes before the JSON.
        at = f"at line {error.lineno + 1}, column {error.colno}"
        raise _damaged(name, f" {at}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise _damaged(name, f": {reason}") from error
    return data, {p: (begin + offset, end + offset) for p, (begin, end) in places.items()}


def _damaged(name: str, reason: str) -> SheetError:
    return SheetError(f"The JSON of '{name}' is damaged{reason}. Export the sheet once more.")


def _tracks(table: "_Node") -> Iterator[tuple[str, dict[int, tuple[Value, Path | None]]]]:
    """Each cel's name, and by frame its value and where that is."""
    headers = table.items("timeTableHeaders") if "timeTableHeaders" in table.value else []
    names: list[object] = []
    for header in headers:
        if header.get("fieldId", int) == CELS:
            names = header.get("names", list)
    fields = [field for field in table.items("fields") if field.get("fieldId", int) == CELS]
    for track in (track for field in fields for track in field.items("tracks")):
        number = track.get("trackNo", int)
        name = str(names[number]) if 0 <= number < len(names) else ""
        yield name, _cells(track, name)


def _cells(track: "_Node", column: str) -> dict[int, tuple[Value, Path | None]]:
    """By frame, ascending, the value of each cell of a column that says something."""
    cells: dict[int, tuple[Value, Path | None]] = {}
    for entry in track.items("frames"):
        frame = entry.get("frame", int)
        if abs(frame) > MAX_LENGTH:
            raise SheetError(
                f"'{track.file}' has a value at frame {frame} of cel '{column}'; frames up to "
                f"{MAX_LENGTH} can be read."
            )
        if frame in cells:
            raise SheetError(
                f"'{track.file}' has two values at frame {frame + 1} of cel '{column}': which of "
                "them is meant?"
            )
        data = [d for d in entry.items("data") if d.value.get("id", 0) == 0]
        values = data[0].get("values", list) if data else []
        if not values:
            cells[frame] = Mark.GOES_ON, None
            continue
        if not isinstance(values[0], str):
            raise SheetError(
                f"'{track.file}' has {values[0]!r} at frame {frame + 1} of cel '{column}', which "
                "is no name of a drawing."
            )
        cells[frame] = SYMBOLS.get(values[0], values[0]), (*data[0].path, "values", 0)
    return dict(sorted(cells.items()))


def _fps(table: "_Node") -> float:
    """Clip Studio's own addition; without it 24."""
    fps = table.value.get("frameRate", DEFAULT_FPS)
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not math.isfinite(fps):
        raise SheetError(f"'{table.file}' has the frame rate {fps!r}, which is no number.")
    check_fps(fps)
    return float(fps)


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


class _Node:
    """A part of the JSON that knows where it is, for messages."""

    def __init__(self, value: Any, path: Path, file: str) -> None:
        self.value, self.path, self.file = value, path, file

    def get(self, key: str, kind: type[T]) -> T:
        """What a mapping has under a key."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            where = ".".join(map(str, (*self.path, key)))
            kinds = {int: "a whole number", list: "a list"}
            raise SheetError(
                f"'{self.file}' is damaged: '{where}' must be {kinds[kind]}, and is {value!r}."
            )
        return value

    def items(self, key: str) -> list["_Node"]:
        """The mappings in a list under a key."""
        nodes = [
            _Node(value, (*self.path, key, i), self.file)
            for i, value in enumerate(self.get(key, list))
        ]
        for node in nodes:
            if not isinstance(node.value, dict):
                where = ".".join(map(str, node.path))
                raise SheetError(
                    f"'{self.file}' is damaged: '{where}' must hold names and values, and is "
                    f"{node.value!r}."
                )
        return nodes
