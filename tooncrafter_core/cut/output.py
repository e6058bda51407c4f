"""Writes a cut: its drawings, its frames, the film, sheets, and the table of what is what."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import CutError
from ..files import (
    is_numbered_picture,
    read_json,
    replacing_folder,
    write_bytes,
    write_json,
)
from ..pictures.colour.report import LockReport
from ..pictures.encode import film_bytes
from ..pictures.formats import encode_png
from ..pictures.levels import MOST, lay_over_white
from .drawing import Levels
from .names import file_names, table
from .plan import CutPlan, exposed
from .sheets.columns import ExposureSheet
from .sheets.write import new_clip_studio, new_xdts
from .sheets.xdts import Xdts
from .values import Cut, Drawing

NOTE, XDTS, CSV, FILM = "cut.json", "cut.xdts", "cut.csv", "cut.mp4"
CLEAR_FILM = "cut.mov"
"""The film with alpha, next to one on white."""
DRAWINGS, FRAMES, SEGMENTS = "drawings", "frames", "segments"
WRITTEN = (NOTE, XDTS, CSV, FILM, CLEAR_FILM, f"{DRAWINGS}/*", f"{FRAMES}/*")
"""What lies in a folder of results, as patterns."""


def write_drawings(
    folder: Path, names: Mapping[Drawing, str], level: str, files: Mapping[Drawing, bytes]
) -> list[dict[str, object]]:
    """Write each drawing's PNG file once, under its name; the table of them.

    Drawings of an earlier run go; ``OutputError`` where other files lie among them.
    """
    called = file_names(list(names.values()), level)
    earlier = {str(row["file"]) for row in drawings_in(folder)}
    with replacing_folder(folder / DRAWINGS, lambda path: path.name in earlier) as new:
        for drawing, name in names.items():
            write_bytes(new / called[name], files[drawing])
    return table(names, called)


def foreign_in(folder: Path) -> list[str]:
    """Files among the drawings of an earlier run that are not of it."""
    drawings = folder / DRAWINGS
    if not drawings.is_dir():
        return []
    earlier = {str(row["file"]) for row in drawings_in(folder)}
    return sorted(path.name for path in drawings.iterdir() if path.name not in earlier)


def encode_drawings(levels: Mapping[Drawing, Levels]) -> dict[Drawing, bytes]:
    """Each drawing as a PNG file."""
    return {drawing: encode_png(picture) for drawing, picture in levels.items()}


def drawings_in(folder: Path) -> list[dict[str, object]]:
    """The table of drawings that an earlier run has written; empty without one."""
    note = read_json(folder / NOTE)
    rows = note.get("drawings") if isinstance(note, dict) else None
    return [row for row in rows or [] if isinstance(row, dict) and "file" in row]


def write_film(
    folder: Path,
    plan: CutPlan,
    levels: Mapping[Drawing, Levels],
    files: Mapping[Drawing, bytes],
    fps: float,
) -> None:
    """Write every frame as a picture, and the film; where nothing is shown, it is white.

    Drawings with alpha are clear there, and give two films: with alpha, and on white.
    """
    some = next(iter(levels.values()))
    has_alpha = some.shape[2] > 3
    blank = np.zeros_like(some) if has_alpha else np.full_like(some, MOST)
    nothing = encode_png(blank)
    with replacing_folder(folder / FRAMES, is_numbered_picture) as new:
        for number, content in enumerate(exposed(plan.sheet, files), start=1):
            write_bytes(new / f"{number:04d}.png", nothing if content is None else content)
    frames = [blank if one is None else one for one in exposed(plan.sheet, levels)]
    film = folder / FILM
    if has_alpha:
        clear = folder / CLEAR_FILM
        write_bytes(clear, film_bytes(np.stack(frames), clear.suffix, fps))
        frames = [lay_over_white(one) for one in frames]
    write_bytes(film, film_bytes(np.stack(frames), film.suffix, fps))


def write_sheets(
    folder: Path,
    cut: Cut,
    plan: CutPlan,
    names: Mapping[Drawing, str],
    level: str,
    given: tuple[ExposureSheet, int] | None = None,
) -> None:
    """Write the sheet in both formats: one that was given with its circles filled, else new.

    ``given`` has the column that was drawn.
    """
    shown = [None if drawing is None else names[drawing] for drawing in plan.sheet.frames]
    written = {XDTS: new_xdts(level, shown, cut.fps), CSV: new_clip_studio(level, shown)}
    if given is not None:
        sheet, column = given
        filled = sheet.filled(fillings(cut, plan, names, column))
        written[XDTS if isinstance(sheet, Xdts) else CSV] = filled
    for name, content in written.items():
        write_bytes(folder / name, content)


def fillings(
    cut: Cut, plan: CutPlan, names: Mapping[Drawing, str], column: int
) -> dict[tuple[int, int], str]:
    """What every circle of a column becomes."""
    return {
        (column, frame): names[drawing]
        for segment, drawings in zip(cut.segments, plan.in_betweens, strict=True)
        for frame, drawing in zip(segment.frames, drawings, strict=True)
    }


def write_note(
    folder: Path,
    cut: Cut,
    plan: CutPlan,
    drawings: Sequence[Mapping[str, object]],
    seeds: Sequence[int],
    hashes: Mapping[tuple[int, str], str],
) -> None:
    """Write what made every drawing, for people and for the next run."""
    segments = [
        {
            "segment": number,
            "keys": [key.name for key in cut.ends(number - 1)],
            "in_betweens": [frame + 1 for frame in segment.frames],
            "spacings": [str(place) for place in segment.spacings],
            "seed": seed,
            "clips": {half or "whole": h for (i, half), h in hashes.items() if i == number - 1},
        }
        for number, (segment, seed) in enumerate(zip(cut.segments, seeds, strict=True), start=1)
    ]
    note = {
        "length": cut.length,
        "fps": cut.fps,
        "is_cycle": cut.is_cycle,
        "keys": [{"name": key.name, "frame": key.frame + 1} for key in cut.keys],
        "segments": segments,
        "drawings": list(drawings),
        "notes": list(plan.notes),
    }
    write_json(folder / NOTE, note)


def note_colours(folder: Path, reports: Mapping[tuple[int, str], LockReport]) -> None:
    """Add to the note what colour lock has found and done in each clip."""
    note = read_json(folder / NOTE)
    assert isinstance(note, dict)
    locked = [
        {"segment": segment + 1, "clip": half or "whole", **report.as_plain()}
        for (segment, half), report in reports.items()
    ]
    write_json(folder / NOTE, {**note, "colour_lock": locked})


def seeds_in(folder: Path, count: int) -> list[int]:
    """The seed of each segment in an earlier run; ``CutError`` where there was no such run."""
    note = read_json(folder / NOTE)
    rows = note.get("segments") if isinstance(note, dict) else None
    if not isinstance(rows, list):
        raise CutError(
            f"There is nothing in '{folder}' to draw again: no '{NOTE}' of an earlier run. Draw "
            "the cut first, without --redo."
        )
    seeds = [row.get("seed") for row in rows if isinstance(row, dict)]
    whole = [seed for seed in seeds if isinstance(seed, int) and not isinstance(seed, bool)]
    if len(whole) != count:
        raise CutError(
            f"The cut in '{folder}' has {len(rows)} segments and this one {count}: draw it first, "
            "without --redo."
        )
    return whole
