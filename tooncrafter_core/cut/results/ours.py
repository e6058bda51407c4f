"""Which drawings in a folder of results are of an earlier run, as it has left them."""

from pathlib import Path

from ...files import read_json
from ...files.digests import digest_of_file

NOTE, DRAWINGS, SEGMENTS = "cut.json", "drawings", "segments"
OURS = f"{SEGMENTS}/written.json"
"""Which drawings are ours, also where a run was killed before it wrote the rest."""
HASHES = "hashes"


def our_drawings(folder: Path) -> set[str]:
    """The names of drawings that earlier runs have written."""
    note, written = read_json(folder / NOTE), read_json(folder / OURS)
    rows = note.get("drawings") if isinstance(note, dict) else None
    names = written.get(DRAWINGS) if isinstance(written, dict) else None
    tabled = [row.get("file") for row in rows or [] if isinstance(row, dict)]
    return {name for name in [*tabled, *(names or [])] if isinstance(name, str)}


def foreign_in(folder: Path) -> list[str]:
    """Files among the drawings of an earlier run that are not of it."""
    drawings = folder / DRAWINGS
    if not drawings.is_dir():
        return []
    earlier = our_drawings(folder)
    return sorted(path.name for path in drawings.iterdir() if path.name not in earlier)


def painted_over(folder: Path) -> list[str]:
    """Drawings of an earlier run that somebody has changed since, by their names."""
    known = known_hashes(folder)
    return [
        name
        for name, hashes in sorted(known.items())
        if (path := folder / DRAWINGS / name).is_file() and digest_of_file(path) not in hashes
    ]


def known_hashes(folder: Path) -> dict[str, list[str]]:
    """What the drawings of earlier runs may hold, by name; those of older versions have none."""
    written = read_json(folder / OURS)
    found = written.get(HASHES) if isinstance(written, dict) else None
    if not isinstance(found, dict):
        return {}
    return {name: list(map(str, one)) for name, one in found.items() if isinstance(one, list)}
