"""The journal of an episode: a line of JSON for everything that happened to a cut.

Lines are added at the end, each in one write, by any thread. One that a kill has cut short counts
as absent.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from ...errors import CutError
from ...files import append_lines, errors_in_words

JOURNAL = "journal.jsonl"

Event = Literal["began", "drawn", "failed", "written", "faulty"]
"""``began`` a run; ``drawn`` a segment, or ``failed`` at it; ``written`` a cut's results, or
``faulty`` what cannot be read or written."""


@dataclass(kw_only=True)
class CutState:
    """What the journal says of one cut, the latest of each kind."""

    errors: dict[int, str] = field(default_factory=dict)
    """Of segments, from 1, that could not be drawn; 0 is the cut as a whole."""
    seconds: dict[int, float] = field(default_factory=dict)
    """Of segments that were drawn."""
    fingerprint: str | None = None
    """Of what its results were written from."""


class Journal:
    """The journal in a folder of results."""

    def __init__(self, folder: Path) -> None:
        """The file is made with its first line."""
        self.path = folder / JOURNAL
        self._lock = threading.Lock()

    def add(self, event: Event, cut: str = "", **values: object) -> None:
        """Add a line with the time; ``OutputError`` where it cannot be written."""
        row = {"at": datetime.now(timezone.utc).isoformat(timespec="seconds"), "event": event}
        row |= {"cut": cut} if cut else {}
        text = json.dumps({**row, **values}, ensure_ascii=True)
        with self._lock:
            append_lines(self.path, [text] if self._ends_whole() else ["", text])

    def _ends_whole(self) -> bool:
        """Whether the last line has its end; a kill may have cut it short."""
        if not self.path.exists():
            return True
        with errors_in_words(self.path), self.path.open("rb") as file:
            file.seek(0, 2)
            size = file.tell()
            file.seek(max(size - 1, 0))
            return file.read(1) in (b"", b"\n")

    def rows(self) -> list[dict[str, object]]:
        """Every line that can be read, in order."""
        if not self.path.exists():
            return []
        try:
            lines = self.path.read_bytes().decode("utf-8", errors="replace").splitlines()
        except OSError as error:
            raise CutError(f"'{self.path}' cannot be read: {error.strerror}.") from error
        found = []
        for line in lines:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict):
                found.append(row)
        return found

    def states(self) -> dict[str, CutState]:
        """The state of every cut that it names."""
        return states_of(self.rows())


def states_of(rows: Iterable[Mapping[str, object]]) -> dict[str, CutState]:
    """The state of every cut in these lines; values of another kind are passed over."""
    states: dict[str, CutState] = {}
    for row in rows:
        name, event, number = row.get("cut"), row.get("event"), row.get("segment", 0)
        if not isinstance(name, str) or not isinstance(number, int):
            continue
        state = states.setdefault(name, CutState())
        if event in ("failed", "faulty"):
            state.errors[number] = str(row.get("error"))
            continue
        # What is done now is no longer wrong.
        state.errors.pop(number, None)
        seconds, fingerprint = row.get("seconds"), row.get("fingerprint")
        if event == "drawn" and isinstance(seconds, int | float):
            state.seconds[number] = float(seconds)
        if event == "written" and isinstance(fingerprint, str):
            state.fingerprint = fingerprint
    return states
