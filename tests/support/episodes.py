"""Episodes for tests: folders of cut files with small drawn keys."""

from pathlib import Path

import numpy as np
from PIL import Image

from support.tiny import write_tiny

QUICK = ("--width", "64", "--height", "64", "--steps", "1", "--quiet")


def write_episode(folder: Path, names: tuple[str, ...]) -> Path:
    """A cut of three keys and two segments for each name, and the tiny checkpoint next to them."""
    for number, name in enumerate(names):
        file = folder / "cuts" / f"{name}.yaml"
        keys = file.with_suffix("")
        keys.mkdir(parents=True)
        for key in (1, 2, 3):
            random = np.random.RandomState(10 * number + key)
            pixels = random.randint(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(keys / f"A{key}.png")
        file.write_text(f"keys: {keys.name}\nframes: [1, 5, 9]\non: 2\n", "utf-8")
    write_tiny(folder / "tiny.safetensors")
    return folder / "cuts"


def episode(cuts: Path, out: Path, *options: str | Path) -> list[str]:
    """The words of the command that draws it."""
    checkpoint = cuts.parent / "tiny.safetensors"
    given = (str(cuts), "-o", str(out), "--checkpoint", str(checkpoint), *QUICK)
    return ["cuts", *given, *map(str, options)]


def drawings_in(out: Path) -> dict[str, bytes]:
    """Every drawing, frame and sheet of every cut, by its path."""
    found = [path for kind in ("drawings/*", "frames/*", "cut.csv", "cut.xdts")
             for path in out.rglob(kind)]  # fmt: skip
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}
