"""What every exposure sheet has: columns that say from which frame on what is shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ...errors import SheetError


class Mark(Enum):
    """What a cell says other than the name of a drawing."""

    NOTHING = "nothing is shown"
    GOES_ON = "what was shown goes on"
    CIRCLE = "an in-between goes here"
    DOT = "an in-between of a reverse sheet"


IN_BETWEENS = (Mark.CIRCLE, Mark.DOT)

Value = str | Mark


@dataclass(frozen=True, kw_only=True)
class Column:
    """One cel of a sheet."""

    name: str
    """Names may repeat."""
    cells: Mapping[int, Value]
    """By the frame, from 0, from which it holds; ascending."""

    @property
    def has_in_betweens(self) -> bool:
        """Whether something is to be drawn here."""
        return any(value in IN_BETWEENS for value in self.cells.values())


Names = Mapping[tuple[int, int], str]
"""By the column and the frame, both from 0: what a cell says from now on."""


class ExposureSheet(Protocol):
    """A sheet as it was read."""

    @property
    def name(self) -> str:
        """Of the file, for messages."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """The cels."""
        ...

    @property
    def length(self) -> int:
        """Frames of the film."""
        ...

    @property
    def fps(self) -> float:
        """Frames a second."""
        ...

    def filled(self, names: Names) -> bytes:
        """The file with other values in cells that it has, and untouched else."""
        ...


def choose_column(sheet: ExposureSheet, cel: str | None = None) -> int:
    """The column that is asked for, from 0, or the only one with something to draw.

    ``cel`` is its name, or ``#2`` for the second. ``SheetError``, with the cels that there are,
    for one that is not there, a name that several have, and a sheet that leaves a choice.
    """
    columns = sheet.columns
    if not columns:
        raise SheetError(f"'{sheet.name}' has no cel: there is nothing to draw.")
    if cel is None:
        found = with_in_betweens(sheet)
        if not found:
            raise SheetError(no_circle(f"'{sheet.name}'"))
        if len(found) > 1:
            listed = listing(columns, found)
            raise SheetError(f"'{sheet.name}' has circles in several cels: choose {listed}.")
        return found[0]
    named = [i for i, column in enumerate(columns) if column.name == cel]
    if len(named) > 1:
        listed = " or ".join(f"'#{i + 1}'" for i in named)
        raise SheetError(f"'{sheet.name}' has {len(named)} cels named '{cel}': choose {listed}.")
    if named:
        return named[0]
    match = re.fullmatch(r"#(\d{1,4})", cel)
    if match and 1 <= int(match[1]) <= len(columns):
        return int(match[1]) - 1
    there = listing(columns, range(len(columns)))
    raise SheetError(f"There is no cel '{cel}' in '{sheet.name}': its cels are {there}.")


def with_in_betweens(sheet: ExposureSheet) -> list[int]:
    """The columns in which something is to be drawn."""
    return [i for i, column in enumerate(sheet.columns) if column.has_in_betweens]


def listing(columns: Sequence[Column], which: Sequence[int]) -> str:
    """Columns as they can be asked for: by name, or by number where a name repeats."""
    names = [column.name for column in columns]
    return ", ".join(
        f"'{names[i]}'" if names.count(names[i]) == 1 and names[i] else f"'#{i + 1}' ('{names[i]}')"
        for i in which
    )


def no_circle(where: str) -> str:
    """The sentence about a sheet that asks for nothing."""
    return (
        f"{where} has no circle, so there is nothing to draw: put a circle (in XDTS SYMBOL_TICK_1) "
        "at each frame where an in-between goes."
    )
