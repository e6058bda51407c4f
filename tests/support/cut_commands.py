"""Running ``cut`` from tests."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

QUICK = ["--width", "64", "--height", "64", "--steps", "1", "--quiet"]
"""Options with which the tiny model takes a moment."""


def write_keys(
    folder: Path, names: Iterable[str], size: tuple[int, int] = (64, 64), mode: str = "RGB"
) -> Path:
    """A folder of keys, each of other random pixels; the names are without an ending."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    for number, name in enumerate(names, start=1):
        random = np.random.RandomState(number)
        pixels = random.randint(0, 256, (height, width, len(mode)), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def cut_command(
    keys: Path | Iterable[Path], out: Path, *options: str | Path, checkpoint: Path
) -> list[str]:
    """Arguments that draw these keys."""
    given = [keys] if isinstance(keys, Path) else [*keys]
    return ["cut", "--keys", *map(str, given), "-o", str(out), "--checkpoint", str(checkpoint),
            *QUICK, *map(str, options)]  # fmt: skip
