"""Which drawing each frame of a sprite sheet's film shows: by an exposure sheet, or one a frame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import CutError
from ...files import read_json
from ..names import LEVEL, match_files
from ..output import CSV, DRAWINGS, NOTE, XDTS
from ..sheets.columns import ExposureSheet
from ..sheets.files import read_sheet
from ..sheets.order import names_shown, shown_column

NOTHING = "nothing"
"""What the clear drawing is called that is shown where a sheet shows nothing."""


class Film(NamedTuple):
    """Drawings, and which of them each frame shows."""

    files: Sequence[Path]
    """In the order in which they are first shown."""
    shown: Sequence[int | None]
    """Numbers of files; None where nothing is shown."""
    fps: float | None = None
    """What the sheet states."""


def film_by_sheet(files: Sequence[Path], sheet: ExposureSheet, cel: str | None = None) -> Film:
    """Show drawings as a column of a sheet says; ``CutError`` where they do not fit together."""
    column = shown_column(sheet, cel)
    shown = names_shown(sheet, column)
    used = [name for name in dict.fromkeys(shown) if name is not None]
    found = match_files(used, files, sheet.columns[column].name or LEVEL)
    return _film(shown, found, sheet.fps)


def is_cut_folder(folder: Path) -> bool:
    """Whether a cut was written here."""
    return (folder / NOTE).is_file() and (folder / DRAWINGS).is_dir()


def film_of_cut(folder: Path) -> Film:
    """The drawings of a cut that was written here, as its sheet shows them.

    ``CutError`` where one of its files is not there any more.
    """
    note = read_json(folder / NOTE)
    rows = note.get("drawings") if isinstance(note, dict) else None
    files = {
        str(row.get("name")): folder / DRAWINGS / str(row["file"])
        for row in rows or []
        if isinstance(row, dict) and "file" in row
    }
    # The sheet that was given comes back with all its columns; the other one has this cel alone.
    sheets = [read_sheet(folder / name) for name in (XDTS, CSV) if (folder / name).is_file()]
    single = [sheet for sheet in sheets if len(sheet.columns) == 1]
    shown = names_shown(single[0], 0) if single else []
    used = dict.fromkeys(name for name in shown if name is not None)
    missing = [name for name in used if name not in files or not files[name].is_file()]
    if missing or not used:
        what = f"no drawing '{missing[0]}'" if missing else f"no '{XDTS}' of one cel"
        raise CutError(
            f"'{folder}' is not a whole cut any more: it has {what}. Draw it again, which takes "
            "the clips that are there, or name the pictures."
        )
    fps = note.get("fps") if isinstance(note, dict) else None
    return _film(shown, files, float(fps) if isinstance(fps, int | float) else None)


def with_nothing(
    names: Sequence[str], shown: Sequence[int | None], first: np.ndarray
) -> tuple[list[str], list[int], np.ndarray | None]:
    """Names and frames with a clear drawing, ``h w 4``, where nothing is shown; None for none."""
    if None not in shown:
        return list(names), [number for number in shown if number is not None], None
    numbers = [len(names) if number is None else number for number in shown]
    clear = np.zeros((*first.shape[:2], 4), np.uint8)
    return [*names, NOTHING], numbers, clear


def _film(shown: Sequence[str | None], files: Mapping[str, Path], fps: float | None) -> Film:
    used = [name for name in dict.fromkeys(shown) if name is not None]
    numbers = {name: number for number, name in enumerate(used)}
    frames = [None if name is None else numbers[name] for name in shown]
    return Film([files[name] for name in used], frames, fps)
