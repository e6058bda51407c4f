"""Timing, sheets, names and the store are plain data."""

import subprocess
import sys

from support.imports import ROOT

DRAWS = {
    "changed",
    "choose",
    "clear",
    "colour",
    "drawing",
    "faults",
    "film",
    "finished",
    "keys",
    "output",
    "rank",
    "report",
    "sheet",
    "smoothing",
    "sprites",
}
"""Modules of the room that handle pixels."""


def test_everything_but_drawing_and_writing_needs_neither_torch_nor_numpy() -> None:
    room = ROOT / "tooncrafter_core" / "cut"
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted(room.rglob("*.py"))
        if path.stem not in DRAWS and path.stem != "__init__"
    ]
    assert len(names) > 10
    code = (
        f"import sys, {', '.join(names)}; print(*sorted({{'torch', 'numpy'}} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
