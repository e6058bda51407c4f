"""Draws the tile of each example workflow: a picture of what it draws, for ComfyUI's list.

`python -m browser.make_tiles HOST NAME...` with `tests` on the path runs the examples as they open,
with the mini model, and writes example_workflows/NAME.jpg. Run it after a change of an example.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from browser.tile_layouts import (
    KEY,
    SKETCH,
    Cell,
    clip,
    grid,
    large,
    outlined,
    ring,
    spread,
    write_tile,
)
from comfyui.examples import (
    DRAWINGS,
    EXAMPLES,
    example_names,
    frames_node,
    load_prompt,
    nodes_of,
    prepare,
)
from comfyui.host import Host, Prompt


@dataclass(frozen=True)
class Drawn:
    """What an example showed: frames by the title of their node, and the sheet of sprites."""

    shown: dict[str, list[np.ndarray]]

    @property
    def frames(self) -> list[np.ndarray]:
        """Of the clip."""
        return self.shown["Frames"]

    def with_keys(self, chosen: int, keys: Sequence[int] = (0, 15), kind: str = "{}") -> list[Cell]:
        """Frames from the first to the last, with the two drawings in turn at their keys."""
        names = [f"tooncrafter_{kind.format(key)}.png" for key in ("first", "last")]
        frames = list(self.frames)
        for number, key in enumerate(keys):
            [frames[key]] = given(names[number % 2])
        return clip(frames, keys, chosen)


def given(name: str) -> list[np.ndarray]:
    """A drawing of the examples, or every frame of a clip."""
    with Image.open(DRAWINGS / name) as picture:
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        return [np.asarray(frame.convert(mode)) for frame in ImageSequence.Iterator(picture)]


def guided(drawn: Drawn, sketches: str, keys: Sequence[int]) -> Image.Image:
    """Rows of sketches, and under each the frame that was drawn along it."""
    lines, places = given(sketches), spread(16, 8)
    cells = drawn.with_keys(16, [0, 15])
    pictures = [cells[i] if i in keys else Cell(drawn.frames[i]) for i in places]
    rows = [Cell(lines[i], SKETCH) for i in places]
    return grid([*rows[:4], *pictures[:4], *rows[4:], *pictures[4:]], 4)


def one_sketch(drawn: Drawn) -> Image.Image:
    """Both keys with the sketch of frame 8 between them, and the frames around it."""
    first, last = (given(f"tooncrafter_{key}.png")[0] for key in ("first", "last"))
    top = [Cell(first, KEY), Cell(given("tooncrafter_pose.png")[0], SKETCH), Cell(last, KEY)]
    return grid([*top, *(Cell(drawn.frames[i]) for i in (2, 4, 6, 7, 9, 12))], 3)


def sketched_cut(drawn: Drawn) -> Image.Image:
    """The sketch, and the cut from its first to its last key."""
    [pose] = given("tooncrafter_pose.png")
    return large(Cell(pose, SKETCH), drawn.with_keys(5))


def corrected(drawn: Drawn) -> Image.Image:
    """Frame 8 of the first pass, its correction, frame 8 of the second; then the clip."""
    [correction] = given("tooncrafter_corrected.png")
    before = Cell(drawn.shown["Frames of the first pass"][7])
    top = [before, Cell(correction, SKETCH), Cell(drawn.frames[7])]
    return grid([*top, *drawn.with_keys(6)], 3)


def redrawn(drawn: Drawn) -> Image.Image:
    """A large frame with the region that was drawn again; under it before, the sketch, after."""
    [mask], [pose] = given("tooncrafter_mask.png"), given("tooncrafter_pose.png")
    before, after = drawn.shown["Frames of the first pass"], drawn.frames
    others = [Cell(before[7]), Cell(pose, SKETCH), Cell(after[7]), Cell(after[10])]
    return large(Cell(outlined(after[7], mask[..., 0])), others)


def transparent(drawn: Drawn) -> Image.Image:
    """The drawings that were saved, with what shows through them."""
    drawings = drawn.shown["Drawings, PNG with alpha"]
    [first], [last] = (given(f"tooncrafter_clear_{key}.png") for key in ("first", "last"))
    return grid([Cell(first, KEY), *map(Cell, drawings[1:-1]), Cell(last, KEY)], 2)


def locked(drawn: Drawn) -> Image.Image:
    """Frames without colour lock in the first and third row, with it under them."""
    before, after = clip(drawn.shown["before"], (), 6), drawn.with_keys(6)
    return grid([*before[:3], *after[:3], *before[3:], *after[3:]], 3)


LAYOUTS: dict[str, Callable[[Drawn], Image.Image]] = {
    "interpolation": lambda drawn: grid(drawn.with_keys(6), 2),
    "stock_samplers": lambda drawn: grid(drawn.with_keys(9), 3),
    "custom_sampling": lambda drawn: grid(drawn.with_keys(8), 2),
    "upscale_and_video": lambda drawn: large(Cell(drawn.frames[7]), drawn.with_keys(5)),
    "sketch_middle": one_sketch,
    "sketch_every_frame": lambda drawn: guided(drawn, "tooncrafter_rough.gif", (0, 15)),
    "line_drawings": lambda drawn: grid(drawn.with_keys(9, kind="{}_lines"), 3),
    "colourise_one_reference": lambda drawn: guided(drawn, "tooncrafter_lines_return.gif", (0,)),
    "colourise_two_references": lambda drawn: guided(drawn, "tooncrafter_lines.gif", (0, 15)),
    "redraw_frame": corrected,
    "redraw_region": redrawn,
    "sprite_sheet": lambda drawn: grid([Cell(drawn.shown["sheet"][0])], 1),
    "cut": lambda drawn: grid(drawn.with_keys(9, (0, 6, 12)), 3),
    "cut_cycle": lambda drawn: ring(drawn.with_keys(8, (0, 8))),
    "cut_sheet": lambda drawn: grid(drawn.with_keys(16, (0, 10)), 4),
    "cut_sketch": sketched_cut,
    "cut_alpha": transparent,
    "colour_lock": locked,
}


def draw(host: Host, name: str) -> Drawn:
    """Run an example as it opens, colour lock a second time without, and fetch what it shows."""
    prompt = load_prompt(name, host.object_info())
    shown = pictures(host, prompt)
    for lock in nodes_of(prompt, "ToonCrafterColourLock"):
        prompt[lock]["inputs"]["lock"] = False
        shown["before"] = pictures(host, prompt)["Frames"]
    return Drawn(shown)


def pictures(host: Host, prompt: Prompt) -> dict[str, list[np.ndarray]]:
    """What the nodes of a run show, by their title; a sheet of sprites as `sheet`."""
    result = host.run(prompt, timeout=300)
    if result.status != "success":
        raise RuntimeError(f"{result.error or result.validation}\n{host.log_tail()}")
    showing = [*nodes_of(prompt, "PreviewImage"), *nodes_of(prompt, "SaveImage")]
    titles = {node: prompt[node]["_meta"]["title"] for node in showing}
    titles[frames_node(prompt)] = "Frames"
    titles |= dict.fromkeys(nodes_of(prompt, "ToonCrafterSpriteSheet"), "sheet")
    return {
        title: [np.uint8(255 * host.download(one) + 0.5) for one in result.images(node)]
        for node, title in titles.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the examples in a ComfyUI of their own and write a tile of each."""
    parser = argparse.ArgumentParser(prog="browser.make_tiles", description=main.__doc__)
    parser.add_argument("host", type=Path, help="folder that holds ComfyUI's main.py")
    parser.add_argument("names", nargs="*", help="examples to draw; all unless given")
    parser.add_argument("--out", type=Path, default=EXAMPLES)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with Host(options.host) as host:
        prepare(host.base)
        for name in options.names or example_names():
            write_tile(LAYOUTS[name](draw(host, name)), options.out / f"{name}.jpg")
            print(options.out / f"{name}.jpg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
