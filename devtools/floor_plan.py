"""The map of the core: its rooms from the ground up, drawn from what the files import.

`docs/architecture.md` shows it. `dev.py map` writes the figure and the table there again; a test
compares them with the imports, so that they cannot go stale.
"""

import ast
import re
import sys
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path

from devtools.console import PROJECT

PAGE = PROJECT / "docs" / "architecture.md"
FIGURE = PROJECT / "docs" / "images" / "architecture.svg"
START, END = "<!-- rooms: written by dev.py map -->", "<!-- end of rooms -->"
CORE = "tooncrafter_core"
LEFT_OUT = {"__main__", "weights"}

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 132, 46, 22, 56, 24


@cache
def room_imports() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    sys.path.insert(0, str(PROJECT / "tests"))
    house = import_module("support.house")

    rooms: dict[str, set[str]] = {}
    for module, targets in house.imports_of(house.house()).items():
        parts = module.split(".")
        if parts[0] != CORE or len(parts) < 2 or parts[1] in LEFT_OUT:
            continue
        others = {target.split(".")[1] for target in targets if target.startswith(f"{CORE}.")}
        rooms.setdefault(parts[1], set()).update(others - {parts[1]} - LEFT_OUT)
    return rooms


def ranks(rooms: dict[str, set[str]]) -> dict[str, int]:
    """How many rooms stand below each on the longest way down; the ground is 0."""
    found: dict[str, int] = {}

    def rank(room: str) -> int:
        if room not in found:
            found[room] = 1 + max((rank(other) for other in rooms[room]), default=-1)
        return found[room]

    for room in rooms:
        rank(room)
    return found


def direct(rooms: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that no longer way stands for."""

    def below(room: str) -> set[str]:
        return rooms[room] | {far for other in rooms[room] for far in below(other)}

    return {
        room: {a for a in others if not any(a in below(b) for b in others - {a})}
        for room, others in rooms.items()
    }


def purpose(room: str) -> str:
    """The first sentence that a room says of itself."""
    path = PROJECT / CORE / room / "__init__.py"
    if not path.is_file():
        path = PROJECT / CORE / f"{room}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def files_of(room: str) -> int:
    """How many modules a room has."""
    folder = PROJECT / CORE / room
    return sum(path.name != "__init__.py" for path in folder.rglob("*.py")) or 1


def figure() -> str:
    """The rooms as an SVG picture, the ground at the bottom."""
    rooms = room_imports()
    rank = ranks(rooms)
    rows = [sorted(r for r in rooms if rank[r] == level) for level in range(max(rank.values()) + 1)]
    widest = max(len(row) for row in rows)
    width = 2 * MARGIN + widest * WIDTH + (widest - 1) * GAP_X
    height = 2 * MARGIN + len(rows) * HEIGHT + (len(rows) - 1) * GAP_Y
    places: dict[str, tuple[float, float]] = {}
    for level, row in enumerate(rows):
        start = (width - len(row) * WIDTH - (len(row) - 1) * GAP_X) / 2
        for index, room in enumerate(row):
            top = height - MARGIN - HEIGHT - level * (HEIGHT + GAP_Y)
            places[room] = (start + index * (WIDTH + GAP_X), top)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for room, others in sorted(direct(rooms).items()):
        x, y = places[room]
        for other in sorted(others):
            a, b = places[other]
            parts.append(
                f'<path d="M{x + WIDTH / 2:g} {y + HEIGHT:g} C{x + WIDTH / 2:g} '
                f"{y + HEIGHT + GAP_Y / 2:g} {a + WIDTH / 2:g} {b - GAP_Y / 2:g} "
                f'{a + WIDTH / 2:g} {b:g}" fill="none" stroke="#8a94a6" stroke-width="1.4"/>'
            )
    for room, (x, y) in sorted(places.items()):
        count = files_of(room)
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="7" fill="#eef3fb" '
            'stroke="#3b5b92"/>'
            f'<text x="{x + WIDTH / 2:g}" y="{y + 20:g}" text-anchor="middle" font-size="15" '
            f'fill="#1c2b45">{escape(room)}</text>'
            f'<text x="{x + WIDTH / 2:g}" y="{y + 37:g}" text-anchor="middle" font-size="11" '
            f'fill="#5a6780">{count} file{"s" if count > 1 else ""}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def table() -> str:
    """The rooms as a Markdown table, from the top down."""
    rooms = room_imports()
    rank = ranks(rooms)
    lines = ["| rank | room | what it is for | imports |", "|---|---|---|---|"]
    for room in sorted(rooms, key=lambda name: (-rank[name], name)):
        others = ", ".join(sorted(rooms[room])) or "nothing"
        lines.append(f"| {rank[room]} | `{room}` | {purpose(room)} | {others} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with today's table in it."""
    pattern = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{START}\n\n{table()}\n\n{END}", text)


def write() -> list[Path]:
    """Write the figure and the table."""
    FIGURE.write_text(figure(), encoding="utf-8", newline="\n")
    text = page(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return [FIGURE, PAGE]
