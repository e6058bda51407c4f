"""New sheets from what every frame shows, for cuts that came without one."""

import json
from collections.abc import Iterable, Sequence

from ...errors import CutError
from .clip_studio import SYMBOLS as CSV_SYMBOLS
from .clip_studio import quoted
from .columns import Mark
from .xdts import CELS, FIRST_LINE, SYMBOLS, VERSIONS

_XDTS_WORDS = {mark: word for word, mark in SYMBOLS.items()}
_CSV_NOTHING = next(word for word, mark in CSV_SYMBOLS.items() if mark is Mark.NOTHING)

_MARKS = {**CSV_SYMBOLS, **SYMBOLS}

Exposures = Sequence[str | None]
"""The name of the drawing at each frame; None is nothing."""


def check_names(names: Iterable[str]) -> None:
    """Refuse names of drawings that a sheet would read as something else, as ``CutError``."""
    for name in names:
        if name in _MARKS:
            raise CutError(
                f"A key is called '{name}', which in an exposure sheet means that "
                f"{_MARKS[name].value}: give it another name."
            )
        if name != name.strip():
            raise CutError(
                f"A key is called '{name}', with a space at its end: sheets are read without it. "
                "Give it a name without."
            )


def new_xdts(cel: str, exposures: Exposures, fps: float, title: str = "cut") -> bytes:
    """An XDTS file of version 5 with one cel, as Clip Studio and OpenToonz import it."""
    frames = [
        {"frame": frame, "data": [{"id": 0, "values": [_word(name)]}]}
        for frame, name in [*_changes(exposures), (len(exposures), None)]
    ]
    table = {
        "name": title,
        "duration": len(exposures),
        "timeTableHeaders": [{"fieldId": CELS, "names": [cel]}],
        "fields": [{"fieldId": CELS, "tracks": [{"trackNo": 0, "frames": frames}]}],
        "frameRate": int(fps) if fps == int(fps) else fps,
    }
    sheet = {
        "version": VERSIONS[0],
        "header": {"cut": title, "scene": "1"},
        "timeTables": [table],
    }
    return f"{FIRST_LINE}\n{json.dumps(sheet, ensure_ascii=False)}\n".encode()


def new_clip_studio(cel: str, exposures: Exposures) -> bytes:
    """Clip Studio's CSV with one cel, in UTF-8 with a byte order mark."""
    changes = dict(_changes(exposures))
    rows = [["", ""], ["", cel]]
    for frame in range(len(exposures)):
        name = changes.get(frame, "")
        rows.append([str(frame + 1), _CSV_NOTHING if name is None else name])
    lines = (",".join(quoted(cell) for cell in row) + "\r\n" for row in rows)
    return "".join(lines).encode("utf-8-sig")


def _changes(exposures: Exposures) -> list[tuple[int, str | None]]:
    """Frames at which something else is shown."""
    return [
        (frame, name)
        for frame, name in enumerate(exposures)
        if frame == 0 or name != exposures[frame - 1]
    ]


def _word(name: str | None) -> str:
    return _XDTS_WORDS[Mark.NOTHING] if name is None else name
