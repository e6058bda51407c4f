"""One page about a cut: a player, its sheet, its drawings, and what made each segment.

All of it is in one file, and every text in it is escaped.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from ...errors import counted
from ..values import Drawing, Sheet
from .finished import Finished
from .page import page_of

LARGEST, SMALLEST = 480, 96
"""Pixels of the longer side of a drawing on the page."""
LARGE_UP_TO = 200
"""Drawings that are shown as large; more are smaller, so that the page stays below some 10 MB."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A drawing on the page."""

    name: str
    file: Path
    is_key: bool
    place: str
    """Such as ``segment 2, at 50%``; nothing for a key."""


def report_of(
    folder: Path,
    finished: Finished,
    segments: Sequence[Mapping[str, object]],
    rows: Sequence[Mapping[str, object]],
) -> str:
    """The page about a cut whose drawings are in a folder; ``rows`` is their table."""
    shown = {
        drawing: Shown(
            name=str(row["name"]),
            file=folder / str(row["file"]),
            is_key=drawing.key is not None,
            place=_place(drawing),
        )
        for drawing, row in zip(finished.names, rows, strict=True)
    }
    made = [
        {**row, "settings": _settings_of(finished, number)} for number, row in enumerate(segments)
    ]
    return report_page(
        f"Cut {folder.resolve().parent.name}", finished.cut.fps, finished.plan.sheet,
        {drawing: shown[drawing] for drawing in finished.plan.drawings}, made,
        finished.plan.notes,
    )  # fmt: skip


def _place(drawing: Drawing) -> str:
    if drawing.segment is None or drawing.moment is None:
        return ""
    return f"segment {drawing.segment + 1}, at {float(drawing.moment.position):.0%}"


def _settings_of(finished: Finished, segment: int) -> dict[str, object]:
    """The settings of a segment that its row does not have yet."""
    values = asdict(finished.drawing.settings_of(segment))
    return {name: one for name, one in values.items() if name not in ("prompt", "seed")}


def report_page(
    title: str, fps: float, sheet: Sheet, drawings: Mapping[Drawing, Shown],
    segments: Sequence[Mapping[str, object]], notes: Sequence[str],
) -> str:  # fmt: skip
    """The page as text; ``drawings`` by what the sheet shows, in the order of the film.

    A segment is a row of names and values, the same names in each.
    """
    number_of = {drawing: number for number, drawing in enumerate(drawings)}
    frames = [-1 if one is None else number_of[one] for one in sheet.frames]
    listed = list(drawings.values())
    keys = sum(one.is_key for one in listed)
    heading = (
        f"{counted(len(frames), 'frame')} at {fps:g} frames a second, "
        f"{counted(len(listed), 'drawing')}: {counted(keys, 'key')} and "
        f"{counted(len(listed) - keys, 'in-between')}"
    )
    said = "".join(f"<li>{escape(note)}</li>" for note in notes)
    body = [
        f"<h1>{escape(title)}</h1><p>{heading}</p>",
        f"<ul>{said}</ul>" if said else "",
        f'<div id="film" data-fps="{fps!r}" data-frames="{" ".join(map(str, frames))}"></div>',
        '<div id="top"><div><img id="screen" alt="">',
        '<div id="bar"><button id="play">Play</button><button id="back">&lsaquo;</button>',
        f'<input id="place" type="range" min="0" max="{len(frames) - 1}" value="0">',
        '<button id="on">&rsaquo;</button></div><p id="label"></p></div>',
        f'<div id="sheet">{_sheet(frames, listed)}</div></div>',
        f'<h2>Drawings</h2><div id="drawings">{_drawings(listed)}</div>',
        f'<h2>Segments</h2><table id="segments">{_table(segments)}</table>',
    ]
    return page_of(escape(title), "\n".join(body))


def _sheet(frames: Sequence[int], drawings: Sequence[Shown]) -> str:
    """The exposure sheet: keys are full circles, in-betweens empty ones."""
    rows, before = [], None
    for number, frame in enumerate(frames, start=1):
        if frame < 0:
            mark, name, kind = "&times;", "", "nothing"
        else:
            one = drawings[frame]
            mark, name = ("&#9679;" if one.is_key else "&#9675;"), escape(one.name)
            kind = "key" if one.is_key else "between"
        label = f"frame {number}: {name or 'nothing'}"
        cells = ("<td>|</td><td></td>", f"<td>{mark}</td><td>{name}</td>")[frame != before]
        rows.append(f'<tr class="{kind}" data-label="{label}"><td>{number}</td>{cells}</tr>')
        before = frame
    head = "<thead><tr><th>frame</th><th></th><th>drawing</th></tr></thead>"
    return f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"


def _drawings(drawings: Sequence[Shown]) -> str:
    """The contact sheet."""
    side = round(LARGEST * min(1, math.sqrt(LARGE_UP_TO / len(drawings))))
    return "\n".join(
        f'<figure class="{"key" if one.is_key else "between"}">'
        f'<img alt="" src="{picture_uri(one.file, max(side, SMALLEST))}">'
        f"<figcaption>{escape(one.name)}: {escape('key' if one.is_key else one.place)}<br>"
        f"{escape(one.file.name)}</figcaption></figure>"
        for one in drawings
    )


def picture_uri(path: Path, side: int) -> str:
    """A picture within the page, no larger than ``side``."""
    from PIL import Image

    with Image.open(path) as image:
        image.thumbnail((side, side))
        buffer = io.BytesIO()
        image.save(buffer, format="WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in (rows[0] if rows else ()))
    lines = ["".join(f"<td>{escape(_text(value))}</td>" for value in row.values()) for row in rows]
    return f"<tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}"


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
