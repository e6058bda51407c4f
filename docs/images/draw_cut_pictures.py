"""Draws the pictures of docs/cuts.md: a sheet before and after, and the drawings it asked for.

`python docs/images/draw_cut_pictures.py` runs `cut` with the mini model on the drawings and the
sheet of the example, and writes cut_sheet.png and cut_drawings.jpg in its folder. It takes what
`cut` takes; PYTHONPATH must have the project.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
KEYS = {"A1.png": "tooncrafter_first.png", "A2.png": "tooncrafter_last.png"}
CIRCLE = "SYMBOL_TICK_1"
ROW, WIDTH, MARGIN = 22, 120, 24
INK, LINE, NEW, PAPER = (40, 40, 48), (205, 205, 212), (205, 70, 60), (255, 255, 255)
SIDE = 256
"""Of a drawing in the picture."""


def run_cut(folder: Path) -> Path:
    """Draw the cut; gives the folder of its results."""
    keys, out = folder / "keys", folder / "out"
    keys.mkdir()
    for name, source in KEYS.items():
        shutil.copyfile(HERE / source, keys / name)
    sheet = HERE / "tooncrafter_cut.xdts"
    command = [
        "cut",
        "--keys",
        str(keys),
        "--sheet",
        str(sheet),
        "-o",
        str(out),
        "--format",
        "none",
    ]
    subprocess.run([sys.executable, "-m", "tooncrafter_core", *command], check=True)
    return out


def cells_of(sheet: Path) -> tuple[dict[int, str], int]:
    """What the first column shows, by frame from 0, and the length of the film."""
    table = json.loads(sheet.read_text(encoding="utf-8").split("\n", 1)[1])["timeTables"][0]
    frames = table["fields"][0]["tracks"][0]["frames"]
    return {one["frame"]: one["data"][0]["values"][0] for one in frames}, table["duration"]


def draw_sheet(given: Path, filled: Path) -> Image.Image:
    """Both sheets next to each other; what is new is red."""
    before, length = cells_of(given)
    after, _ = cells_of(filled)
    size = 2 * (WIDTH + MARGIN) + MARGIN, (length + 1) * ROW + 2 * MARGIN
    picture = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for number, cells in enumerate((before, after)):
        left = MARGIN + number * (WIDTH + MARGIN)
        pen.text((left + 70, MARGIN), "A", INK, font)
        for frame in range(length):
            top = MARGIN + (frame + 1) * ROW
            pen.rectangle((left, top, left + WIDTH, top + ROW), outline=LINE)
            pen.text((left + 8, top + 2), str(frame + 1), LINE, font)
            value = cells.get(frame)
            if value == CIRCLE:
                pen.ellipse((left + 68, top + 4, left + 82, top + 18), outline=INK, width=2)
            elif value is not None:
                is_new = before.get(frame) != value
                pen.text((left + 70, top + 2), value, NEW if is_new else INK, font)
            elif frame > 0:
                pen.line((left + 75, top, left + 75, top + ROW), fill=LINE, width=2)
    return picture


def draw_drawings(out: Path) -> Image.Image:
    """Every drawing in the order of the film, with the name of its file."""
    rows = {row["name"]: row for row in json.loads((out / "cut.json").read_text())["drawings"]}
    shown, _ = cells_of(out / "cut.xdts")
    files = [(rows[name]["file"], rows[name]["is"]) for name in shown.values()]
    pictures = [Image.open(out / "drawings" / name).convert("RGB") for name, _ in files]
    height = pictures[0].height * SIDE // pictures[0].width
    picture = Image.new("RGB", (len(files) * (SIDE + 8) - 8, height + 26), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for number, ((name, kind), drawing) in enumerate(zip(files, pictures, strict=True)):
        left = number * (SIDE + 8)
        picture.paste(drawing.resize((SIDE, height)), (left, 0))
        pen.text((left + 4, height + 4), name, INK if kind == "key" else NEW, font)
    return picture


def main() -> None:
    """Write both pictures."""
    with tempfile.TemporaryDirectory() as folder:
        out = run_cut(Path(folder))
        sheets = draw_sheet(HERE / "tooncrafter_cut.xdts", out / "cut.xdts")
        sheets.save(HERE / "cut_sheet.png", optimize=True)
        draw_drawings(out).save(HERE / "cut_drawings.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    main()
