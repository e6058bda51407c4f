"""What an episode's folder has: a folder a cut, the journal, and a page about all of them."""

from collections.abc import Sequence
from pathlib import Path

from ...files import Place, check_places, read_json
from ..output import DRAWINGS, FILM, NOTE
from ..output import REPORT as CUT_REPORT
from .journal import JOURNAL, CutState
from .page import CutRow

REPORT = "report.html"
PLAYABLE = (".mp4", ".webm")
"""Films that browsers play, the best first."""


def check_episode_folder(out: str, inputs: Sequence[str]) -> Path:
    """Where results go; ``OutputError`` when they cannot, before anything is drawn."""
    place = Place(
        option="-o", at=out, kind="folder", names=(REPORT, JOURNAL), marks=(JOURNAL,),
        can_overwrite=False,
    )  # fmt: skip
    check_places([place], inputs)
    return Path(out)


def has_results(folder: Path) -> bool:
    """Whether the results of a cut are there, as its last written file is."""
    return (folder / NOTE).is_file()


def row_of(out: Path, name: str, state: CutState, picture: str) -> CutRow:
    """A cut's row on the page, from what its folder and the journal say."""
    folder = out / name
    note = read_json(folder / NOTE)
    values = note if isinstance(note, dict) else {}
    segments = values.get("segments")
    films = [f"{FILM}{ending}" for ending in PLAYABLE if (folder / f"{FILM}{ending}").is_file()]
    rows = [row for row in segments or [] if isinstance(row, dict)]
    seconds = [row["seconds"] for row in rows if isinstance(row.get("seconds"), int | float)]
    return CutRow(
        name=name,
        errors=[
            text if number == 0 else f"segment {number}: {text}"
            for number, text in sorted(state.errors.items())
        ],
        is_written=bool(values),
        frames=values.get("length") if isinstance(values.get("length"), int) else None,
        segments=len(rows),
        seconds=sum(seconds),
        drift=_drift(values.get("colour_lock")),
        ranks=_ranks(values.get("candidates")),
        picture=picture,
        film=f"{name}/{films[0]}" if films else None,
        page=f"{name}/{CUT_REPORT}" if (folder / CUT_REPORT).is_file() else None,
    )


def first_drawing(folder: Path) -> Path | None:
    """The file of the first drawing that a cut's table names."""
    note = read_json(folder / NOTE)
    rows = note.get("drawings") if isinstance(note, dict) else None
    for row in rows or []:
        if isinstance(row, dict) and isinstance(row.get("file"), str):
            path = folder / DRAWINGS / Path(row["file"]).name
            return path if path.is_file() else None
    return None


def _drift(rows: object) -> tuple[float, float] | None:
    """The largest mean difference of colours that colour lock found, and what it left."""
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            found.append((float(row["before"]["mean"]), float(row["after"]["mean"])))
        except (KeyError, TypeError, ValueError):
            continue
    return max(found) if found else None


def _ranks(choices: object) -> str:
    """The candidate that each segment shows, and its place, where there were several."""
    found = []
    for choice in choices if isinstance(choices, list) else []:
        try:
            seeds = [row["seed"] for row in choice["ranked"]]
            place = seeds.index(choice["taken"]) + 1
            found.append(
                f"segment {choice['segment']}: seed {choice['taken']}, {place} of {len(seeds)}"
            )
        except (KeyError, TypeError, ValueError):
            continue
    return "; ".join(found)
