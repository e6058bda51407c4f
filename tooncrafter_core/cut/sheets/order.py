"""A column of a sheet as an order: its names are keys, its circles are what is to be drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import SheetError
from ..plain import Charts, spaced
from ..spacing import EVEN
from ..values import Cut, Key, check_keys
from .columns import (
    IN_BETWEENS,
    Column,
    ExposureSheet,
    Mark,
    choose_column,
    listing,
    no_circle,
)


def cut_of(
    sheet: ExposureSheet,
    column: int,
    spacings: Sequence[str] | Charts = (EVEN,),
    is_cycle: bool = False,
    pictures: Mapping[str, Path] | None = None,
) -> Cut:
    """The cut that a column asks for.

    A sheet whose last name is that of its first key, right after the end of the film, is a cycle
    without being asked. Spacings are one for all segments or one for each; ``pictures`` are
    files by the names of keys. ``SheetError`` for a column without
    a circle, and for a circle before the first key or after the last one.
    """
    cel = sheet.columns[column]
    keys, in_betweens, blanks = _parts(cel, pictures or {})
    where = f"Cel '{cel.name}' of '{sheet.name}'"
    if not cel.has_in_betweens:
        raise SheetError(no_circle(where))
    if not keys or in_betweens[0] < keys[0].frame:
        raise SheetError(
            f"{where} has a circle at frame {in_betweens[0] + 1}, before its first key: an "
            "in-between needs a key before it and one after it."
        )
    if len(keys) > 2 and keys[-1].frame == sheet.length and keys[-1].name == keys[0].name:
        keys, is_cycle = keys[:-1], True
    if in_betweens[-1] > keys[-1].frame and not is_cycle:
        raise SheetError(
            f"{where} has a circle at frame {in_betweens[-1] + 1}, after its last key: an "
            "in-between needs a key after it, too, or the cut is a cycle."
        )
    if is_cycle and in_betweens[-1] >= sheet.length:
        raise SheetError(
            f"{where} has a circle at frame {in_betweens[-1] + 1}, after the end of its "
            f"{sheet.length} frames."
        )
    check_keys(tuple(keys))
    begins = [key.frame for key in keys]
    ends = [*begins[1:], *([sheet.length] if is_cycle else [])]
    frames = [
        tuple(frame for frame in in_betweens if begin < frame < end)
        for begin, end in zip(begins, ends, strict=False)
    ]
    return Cut(
        keys=tuple(keys),
        segments=spaced(frames, spacings),
        length=sheet.length,
        fps=sheet.fps,
        is_cycle=is_cycle,
        blanks=blanks,
    )


def dots_note(sheet: ExposureSheet, column: int) -> str | None:
    """What to say of dots, which count as circles; None where there are none."""
    cel = sheet.columns[column]
    frames = [str(frame + 1) for frame, value in cel.cells.items() if value is Mark.DOT]
    if not frames:
        return None
    at = f"a dot at frame {frames[0]}" if len(frames) == 1 else f"dots at {', '.join(frames)}"
    return (
        f"Cel '{cel.name}' of '{sheet.name}' has {at}: a reverse sheet's dots are drawn as "
        "in-betweens, like circles."
    )


def shown_column(sheet: ExposureSheet, cel: str | None = None) -> int:
    """The column that is asked for, from 0, or the only one; ``SheetError`` else."""
    if cel is not None:
        return choose_column(sheet, cel)
    if len(sheet.columns) == 1:
        return 0
    if not sheet.columns:
        raise SheetError(f"'{sheet.name}' has no cel: it shows nothing.")
    there = listing(sheet.columns, range(len(sheet.columns)))
    raise SheetError(f"'{sheet.name}' has several cels: choose one of {there}.")


def names_shown(sheet: ExposureSheet, column: int) -> list[str | None]:
    """The name of the drawing at each frame; None is nothing.

    ``SheetError`` for a circle, which has no drawing yet.
    """
    cel = sheet.columns[column]
    keys, in_betweens, blanks = _parts(cel, {})
    if in_betweens:
        raise SheetError(
            f"Cel '{cel.name}' of '{sheet.name}' has a circle at frame {in_betweens[0] + 1}, which "
            "has no drawing yet: give the sheet to 'ToonCrafter Cut', which draws it."
        )
    events: dict[int, str | None] = {**dict.fromkeys(blanks), **{k.frame: k.name for k in keys}}
    shown: str | None = None
    for frame in sorted(frame for frame in events if frame < 0):
        shown = events[frame]
    frames: list[str | None] = []
    for frame in range(sheet.length):
        shown = events.get(frame, shown)
        frames.append(shown)
    return frames


def _parts(
    cel: Column, pictures: Mapping[str, Path]
) -> tuple[list[Key], list[int], tuple[int, ...]]:
    """Keys, the frames of in-betweens, and the frames from which nothing is shown."""
    keys: list[Key] = []
    in_betweens: list[int] = []
    blanks: list[int] = []
    shown: str | Mark | None = None
    for frame, value in cel.cells.items():
        # A name that is written again while it is shown is the same exposure.
        if value is Mark.GOES_ON or (value == shown and isinstance(value, str)):
            continue
        shown = value
        if isinstance(value, str):
            keys.append(Key(name=value, frame=frame, picture=pictures.get(value)))
        elif value in IN_BETWEENS:
            in_betweens.append(frame)
        else:
            blanks.append(frame)
    return keys, in_betweens, tuple(blanks)
