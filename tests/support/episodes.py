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


def write_mixed_episode(folder: Path, count: int) -> tuple[Path, list[str]]:
    """Cuts of two sizes, a quarter of them clear in places, and the names of three damaged ones."""
    names = tuple(f"sc{number // 20 + 1}/c{number + 1:03d}" for number in range(count))
    cuts = write_episode(folder, names)
    for number, name in enumerate(names):
        file = cuts / f"{name}.yaml"
        width = 128 if number % 3 == 1 else 64
        size = f"drawing: {{width: {width}, height: 64, steps: 1, seed: {number}}}"
        file.write_text(f"{file.read_text()}{size}\n")
        if number % 4 == 2:
            file.write_text(f"{file.read_text()}alpha: keep\nformats: [mov]\n")
            # Few colours, as painted drawings have: no matte is far from those of noise.
            for key in (1, 2, 3):
                picture = Image.new("RGBA", (64, 64))
                picture.paste((200, 90, 60 + number, 255), (8 * key, 16, 8 * key + 24, 48))
                picture.save(file.with_suffix("") / f"A{key}.png")
    damaged = [names[number] for number in (3, count // 2, count - 1)]
    (cuts / f"{damaged[0]}.yaml").write_text("keys: [")
    (cuts / damaged[1] / "A2.png").write_bytes(b"no picture")
    (cuts / damaged[2] / "A3.png").unlink()
    return cuts, damaged


def episode(cuts: Path, out: Path, *options: str | Path) -> list[str]:
    """The words of the command that draws it."""
    checkpoint = cuts.parent / "tiny.safetensors"
    given = (str(cuts), "-o", str(out), "--checkpoint", str(checkpoint), *QUICK)
    return ["cuts", *given, *map(str, options)]


def mixed_episode(cuts: Path, out: Path, *options: str | Path) -> list[str]:
    """The words of the command that draws cuts whose files say their size."""
    checkpoint = cuts.parent / "tiny.safetensors"
    given = (str(cuts), "-o", str(out), "--checkpoint", str(checkpoint), "--skip-faulty", "--quiet")
    return ["cuts", *given, *map(str, options)]


def drawings_in(out: Path) -> dict[str, bytes]:
    """Every drawing, frame and sheet of every cut, by its path."""
    found = [path for kind in ("drawings/*", "frames/*", "cut.csv", "cut.xdts")
             for path in out.rglob(kind)]  # fmt: skip
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}
