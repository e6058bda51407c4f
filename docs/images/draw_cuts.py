"""Makes what the examples of cuts start from: two transparent drawings, and an exposure sheet.

`python docs/images/draw_cuts.py` writes tooncrafter_clear_*.png and tooncrafter_cut.xdts in its
folder. Needs Pillow only; the same script gives the same files.
"""

import json
from pathlib import Path
from typing import Any

from draw_keyframes import FIRST, LAST, SHADOW, Canvas, Colour, Pose, draw_figure, draw_star
from PIL import Image, ImageDraw

CIRCLE = "SYMBOL_TICK_1"
"""What a sheet has where an in-between goes."""
CELLS = {0: "1", 4: CIRCLE, 6: CIRCLE, 8: CIRCLE, 10: "2"}
"""By frame, from 0: the first drawing is held, three in-betweens on twos, the last one is held."""
LENGTH = 16
CELS, DIALOGUE = 0, 3
"""Kinds of columns of an XDTS file."""


def without_shadow(colour: Colour, is_outlined: bool) -> Colour | None:
    """The figure alone: what it stands on is another cel."""
    return None if colour == SHADOW else colour


def draw_clear(pose: Pose) -> Image.Image:
    """The figure and the star on nothing."""
    canvas = Canvas((0, 0, 0), without_shadow)
    canvas.image = Image.new("RGBA", canvas.image.size, (0, 0, 0, 0))
    canvas.pen = ImageDraw.Draw(canvas.image)
    draw_star(canvas, pose.star, 25)
    draw_figure(canvas, pose)
    return canvas.finish()


def column(cells: dict[int, str]) -> dict[str, Any]:
    """One column of a sheet: what stands at each frame where something changes."""
    frames = [
        {"frame": frame, "data": [{"id": 0, "values": [value]}]} for frame, value in cells.items()
    ]
    return {"trackNo": 0, "frames": frames}


def sheet() -> str:
    """An exposure sheet as Clip Studio Paint and OpenToonz exchange it."""
    line = {0: "Boy", 6: "SYMBOL_NULL_CELL"}
    table = {
        "name": "jump",
        "duration": LENGTH,
        "timeTableHeaders": [
            {"fieldId": CELS, "names": ["A"]},
            {"fieldId": DIALOGUE, "names": ["S1"]},
        ],
        "fields": [
            {"fieldId": CELS, "tracks": [column(CELLS)]},
            {"fieldId": DIALOGUE, "tracks": [column(line)]},
        ],
    }
    content = {"header": {"cut": "1", "scene": "1"}, "timeTables": [table], "version": 5}
    return f"exchangeDigitalTimeSheet Save Data\n{json.dumps(content, indent=1)}\n"


def main() -> None:
    """Write both drawings and the sheet."""
    folder = Path(__file__).resolve().parent
    for name, pose in (("first", FIRST), ("last", LAST)):
        draw_clear(pose).save(folder / f"tooncrafter_clear_{name}.png", optimize=True)
    (folder / "tooncrafter_cut.xdts").write_text(sheet(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
