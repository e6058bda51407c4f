"""Writes a cut: its drawings, its frames, films, sheets, and the table of what is what.

One picture is in memory at a time, however long the cut is.
"""

from collections.abc import Mapping
from pathlib import Path

from ..errors import CutError
from ..files import (
    is_numbered_picture,
    read_json,
    remove_file,
    remove_folder,
    replacing,
    replacing_folder,
    write_bytes,
    write_json,
    write_text,
)
from ..files.digests import digest_of_file
from ..pictures.encode import encode_film
from ..pictures.formats import FORMATS, encode_png
from .names import table
from .plan import CutPlan, exposed
from .results.changed import (
    ChangedDrawings,
    Reports,
    StoredDrawings,
    change_drawings,
    changing,
)
from .results.film import FilmFrames
from .results.finished import Finished
from .results.ours import (
    DRAWINGS,
    HASHES,
    NOTE,
    OURS,
    known_hashes,
    our_drawings,
)
from .results.report import report_of
from .sheets.write import new_clip_studio, new_xdts
from .sheets.xdts import Xdts
from .values import Cut, Drawing

XDTS, CSV, FILM = "cut.xdts", "cut.csv", "cut"
REPORT = "report.html"
FRAMES, CANDIDATES = "frames", "candidates"
CELS = "cels"
"""In the note of a folder that holds a cut for each cel."""
FILMS = tuple(f"{FILM}{extension}" for extension in FORMATS)
MARKS = (NOTE, OURS)
"""Of a folder that an earlier run has written, one is there."""
WRITTEN = (NOTE, XDTS, CSV, REPORT, *FILMS, f"{DRAWINGS}/*", f"{FRAMES}/*", f"{CANDIDATES}/*")
"""What lies in a folder of results, as patterns."""
NUMBERED = "????.png"
"""The contact sheet of each segment with candidates."""


def write_results(folder: Path, finished: Finished) -> list[dict[str, object]]:
    """Write everything; gives the table of drawings. ``OutputError`` for a full disk."""
    with changing(folder, StoredDrawings(finished)) as drawings:
        colours = change_drawings(drawings, finished)
        _write_drawings(folder, finished, drawings)
    _write_frames(folder, finished)
    _write_films(folder, finished)
    _write_sheets(folder, finished)
    _write_candidates(folder, finished)
    return _write_note(folder, finished, colours)


def film_frames(folder: Path, finished: Finished, on_white: bool = False) -> FilmFrames:
    """The frames of the film, from the drawings that were written.

    Where nothing is shown, it is clear, or white where drawings are opaque or laid ``on_white``.
    """
    paths = {one: folder / DRAWINGS / name for one, name in finished.files.items()}
    return FilmFrames(exposed(finished.plan.sheet, paths), finished.has_alpha, on_white)


def _write_drawings(folder: Path, finished: Finished, changed: ChangedDrawings) -> None:
    """Write each drawing's PNG file once, under its name.

    Drawings of an earlier run go; ``OutputError`` where other files lie among them.
    """
    earlier, known = our_drawings(folder), known_hashes(folder)
    both = sorted({*earlier, *finished.files.values()})
    # First: a run that is killed in between must know them as its own.
    write_json(folder / OURS, {DRAWINGS: both, HASHES: known})
    with replacing_folder(folder / DRAWINGS, lambda path: path.name in earlier) as new:
        hashes = {}
        for drawing, name in finished.files.items():
            content = changed.file_of(drawing)
            if content is None:
                content = finished.drawing.file_of(drawing, finished.sources)
            write_bytes(new / name, content)
            hashes[name] = [digest_of_file(new / name)]
        either = {name: [*known.get(name, []), *hashes.get(name, [])] for name in both}
        write_json(folder / OURS, {DRAWINGS: both, HASHES: either})
    write_json(folder / OURS, {DRAWINGS: sorted(hashes), HASHES: hashes})


def _write_frames(folder: Path, finished: Finished) -> None:
    """Write every frame as a picture."""
    frames = film_frames(folder, finished)
    nothing = encode_png(frames.nothing)
    with replacing_folder(folder / FRAMES, is_numbered_picture) as new:
        for number, path in enumerate(frames.files, start=1):
            write_bytes(new / f"{number:04d}.png", nothing if path is None else path.read_bytes())


def _write_films(folder: Path, finished: Finished) -> None:
    """Write a film of each format that is asked for; those of an earlier run go.

    Formats without alpha show the drawings on white.
    """
    for extension in finished.formats:
        frames = film_frames(folder, finished, FORMATS[extension].alpha_pixels is None)
        with replacing(folder / f"{FILM}{extension}") as part, part.open("wb") as file:
            encode_film(frames, extension, finished.cut.fps, file)
    for extension in set(FORMATS) - set(finished.formats):
        remove_file(folder / f"{FILM}{extension}")


def _write_sheets(folder: Path, finished: Finished) -> None:
    """Write the sheet in both formats: one that was given with its circles filled, else new."""
    cut, plan, names, level = finished.cut, finished.plan, finished.names, finished.level
    shown = [None if drawing is None else names[drawing] for drawing in plan.sheet.frames]
    written = {XDTS: new_xdts(level, shown, cut.fps), CSV: new_clip_studio(level, shown)}
    if finished.sheet is not None:
        sheet, column = finished.sheet
        filled = sheet.filled(fillings(cut, plan, names, column))
        written[XDTS if isinstance(sheet, Xdts) else CSV] = filled
    for name, content in written.items():
        write_bytes(folder / name, content)


def _write_candidates(folder: Path, finished: Finished) -> None:
    """Write a contact sheet of each segment with candidates; those of an earlier run go."""
    if not finished.choices:
        remove_folder(folder / CANDIDATES, [NUMBERED])
        return
    with replacing_folder(folder / CANDIDATES, is_numbered_picture) as new:
        for choice in finished.choices:
            write_bytes(new / f"{choice.segment:04d}.png", encode_png(choice.sheet()))


def write_cels(folder: Path, cels: Mapping[str, Finished]) -> None:
    """Write the sheet of several cels with all their circles filled, and which folder has which.

    ``cels`` are by the folder of each within this one; all are of one sheet.
    """
    sheets = [one.sheet for one in cels.values() if one.sheet is not None]
    assert len(sheets) == len(cels) and sheets
    names = {
        cell: name
        for one, (_, column) in zip(cels.values(), sheets, strict=True)
        for cell, name in fillings(one.cut, one.plan, one.names, column).items()
    }
    sheet, _ = sheets[0]
    write_bytes(folder / (XDTS if isinstance(sheet, Xdts) else CSV), sheet.filled(names))
    rows = [{"cel": one.level, "folder": name} for name, one in cels.items()]
    write_json(folder / NOTE, {CELS: rows})


def fillings(
    cut: Cut, plan: CutPlan, names: Mapping[Drawing, str], column: int
) -> dict[tuple[int, int], str]:
    """What every circle of a column becomes."""
    return {
        (column, frame): names[drawing]
        for segment, drawings in zip(cut.segments, plan.in_betweens, strict=True)
        for frame, drawing in zip(segment.frames, drawings, strict=True)
    }


def _write_note(folder: Path, finished: Finished, colours: Reports) -> list[dict[str, object]]:
    """Write what made every drawing, for people and for the next run; gives the table."""
    cut, store = finished.cut, finished.drawing.store
    segments = []
    for number, segment in enumerate(cut.segments, start=1):
        clips = {half: one for (i, half), one in finished.sources.items() if i == number - 1}
        seconds = [took for one in clips.values() if (took := store.seconds(one)) is not None]
        settings = finished.drawing.settings_of(number - 1)
        segments.append({
            "segment": number,
            "keys": [key.name for key in cut.ends(number - 1)],
            "in_betweens": [frame + 1 for frame in segment.frames],
            "spacings": [str(place) for place in segment.spacings],
            "seed": settings.seed,
            "prompt": settings.prompt,
            "seconds": round(sum(seconds), 3) if seconds else None,
            "clips": {half or "whole": one.hash for half, one in clips.items()},
        })  # fmt: skip
    called = {name: finished.files[drawing] for drawing, name in finished.names.items()}
    rows = table(finished.names, called)
    write_text(folder / REPORT, report_of(folder / DRAWINGS, finished, segments, rows))
    note: dict[str, object] = {
        "length": cut.length,
        "fps": cut.fps,
        "is_cycle": cut.is_cycle,
        "keys": [{"name": key.name, "frame": key.frame + 1} for key in cut.keys],
        "segments": segments,
        "drawings": rows,
        "notes": list(finished.plan.notes),
    }
    if finished.locks_colour:
        note["colour_lock"] = [
            {"segment": segment + 1, "clip": half or "whole", **report.as_plain()}
            for (segment, half), report in colours.items()
        ]
    if finished.choices:
        note["candidates"] = [choice.as_plain() for choice in finished.choices]
    write_json(folder / NOTE, note)
    return rows


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
