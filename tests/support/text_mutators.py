"""Text files of people with something changed: sheets, cut files, settings, lists of clips."""

import json
import random
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from support.exposure_sheets import CYCLE, LINE, THREE_KEYS, csv_bytes, document, xdts_bytes
from support.fuzzing import Case, mutated_bytes, mutated_tree
from tooncrafter_core.cut.plan import plan_cut
from tooncrafter_core.cut.sheets.columns import choose_column
from tooncrafter_core.cut.sheets.files import read_sheet
from tooncrafter_core.cut.sheets.order import cut_of
from tooncrafter_core.cut.yaml_file import read_cut_file
from tooncrafter_core.evaluation.clip_files import find_clips
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.training.settings.read import read_settings
from tooncrafter_core.training.stages.denoising import DenoisingSettings

CUT_FILE: dict[str, Any] = {
    "keys": ["a.png", "b.png", "c.png"], "frames": [1, 13, 25], "on": 2, "length": 30,
    "spacing": ["slow out", "1/2 1/4"], "cycle": False, "fps": 24, "smooth": ["a"],
    "drawing": {"prompt": "a girl", "steps": 50, "seed": 3, "width": 512, "eta": 1.0},
    "segments": {"2": {"seed": 7, "spacing": "1/2 1/4", "sketches": {"8": "pose.png"}}},
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "out": "run", "steps": 10, "batch_size": 2,
    "data": {"source": "procedural", "clips": 4, "num_frames": 16},
    "optimizer": {"learning_rate": 1e-4, "schedule": "constant"}, "lora": {"rank": 4},
    "machine": {"device": "cpu", "precision": "fp32"}, "output": {"log_every": 1},
}  # fmt: skip
SHEETS = [document([("A", THREE_KEYS), ("B", CYCLE)], 24), document([("A", CYCLE)], 9, 10)]
ROWS = [["", "", "セル"], ["", "A", "B"], ["1", "1", "a"], ["2", "○", ""], ["3", "2", "×"]]


def draw_from_sheet(path: Path) -> None:
    """What ``cut`` does with a sheet before anything is drawn."""
    sheet = read_sheet(path)
    cut = cut_of(sheet, choose_column(sheet, "A"))
    plan_cut(cut, lambda one, other: False, False)


def settings_of(path: Path) -> None:
    """What ``train`` does with a file of settings."""
    read_settings(DenoisingSettings, {}, path)


def cut_file(path: Path) -> None:
    """What ``cut`` does with a file of its own."""
    read_cut_file(path, InterpolationSettings, without=["num_frames"])


def texts(folder: Path, count: int) -> Iterator[Case]:
    """Cases of every kind of text file, in turn."""
    draw = random.Random(3)
    for name in ("a.mp4", "b.mp4"):
        (folder / name).touch()
    clips = "path,prompt\na.mp4,a cat\nb.mp4,\n".encode("utf-8-sig")
    kinds: list[tuple[str, Callable[[], bytes], Callable[[Path], object]]] = [
        ("scene.xdts", lambda: escaped(mutated_tree(draw.choice(SHEETS), draw)), draw_from_sheet),
        ("scene.xdts", lambda: broken(xdts_bytes(SHEETS[0]), draw), draw_from_sheet),
        ("scene.csv", lambda: broken(sheet_rows(draw), draw), draw_from_sheet),
        ("cut.yaml", lambda: written(mutated_tree(CUT_FILE, draw)), cut_file),
        ("cut.yaml", lambda: broken(written(CUT_FILE), draw), cut_file),
        ("run.yaml", lambda: written(mutated_tree(SETTINGS, draw)), settings_of),
        ("run.yaml", lambda: broken(written(SETTINGS), draw), settings_of),
        ("clips.csv", lambda: broken(clips, draw), lambda path: find_clips([path])),
    ]  # fmt: skip
    for number in range(count):
        name, make, use = kinds[number % len(kinds)]
        path = folder / name
        path.write_bytes(make())
        yield f"text {number} ({name})", partial(use, path)


def sheet_rows(draw: random.Random) -> bytes:
    """A sheet as Clip Studio writes it, or in an encoding that nobody uses for it."""
    return csv_bytes(ROWS, draw.choice(("utf-8-sig", "cp932", "utf-16")))


def broken(content: bytes, draw: random.Random) -> bytes:
    """Some bytes changed, or the encoding."""
    if draw.random() < 0.1:
        return content.decode("utf-8", "replace").encode("utf-16")
    return mutated_bytes(content, draw)


def escaped(tree: Any) -> bytes:
    """A tree as a sheet whose letters are escaped, as half a pair of them can only be."""
    return f"{LINE}\n{json.dumps(tree)}".encode()


def written(tree: Any) -> bytes:
    """A tree as YAML."""
    text = yaml.safe_dump(json.loads(json.dumps(tree)), allow_unicode=True)
    # JSON has no numbers as names.
    text = re.sub(r"^( *)'(\d+)':", r"\1\2:", text, flags=re.MULTILINE)
    return text.encode("utf-8", "replace")
