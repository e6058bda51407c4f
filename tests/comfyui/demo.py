"""Runs an example in a real ComfyUI and saves its frames, its video and a contact sheet.

`python -m comfyui.demo HOST --checkpoint FILE --out DIR` with `tests` on the path.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from comfyui.examples import (
    BASIC,
    DRAWING_NAMES,
    DRAWINGS,
    example_names,
    frames_node,
    nodes_of,
    prepare,
    small_prompt,
)
from comfyui.host import Host, Prompt, RunResult
from comfyui.launch import PROJECT

TIMEOUT = 1800.0
COLUMNS, MARGIN, LINE = 8, 12, 24
PAPER, INK, GREY = (250, 248, 244), (30, 30, 36), (120, 118, 116)

MADE_UP = "The weights of this demo are made up"
WARNING = f"""{MADE_UP}: random numbers in the shape of a tiny model.
The frames between the two drawings therefore mean nothing. They show that the whole way from
two drawings to a video works. For real frames install the published weights; the README says
which file goes where."""
SHEET_WARNING = """The weights are made up,
so the frames below mean nothing.

They show that the way from
two drawings to a video works."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Boot ComfyUI, run the example, save what comes of it."""
    parser = argparse.ArgumentParser(prog="comfyui.demo", description=main.__doc__)
    parser.add_argument("host", type=Path, help="folder that holds ComfyUI's main.py")
    parser.add_argument("--checkpoint", type=Path, required=True, help="the made-up weights")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--example", choices=example_names(), default=BASIC)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    print(WARNING, flush=True)
    with Host(options.host) as host:
        prepare(host.base, options.checkpoint)
        nodes = host.object_info()
        ours = [name for name in nodes if name.startswith("ToonCrafter")]
        print(
            f"\nComfyUI answered after {host.boot_seconds:.0f} s; it has {len(ours)} nodes of ours"
        )
        prompt = demo_prompt(small_prompt(options.example, nodes), options)
        print(
            f"running example_workflows/{options.example}.json: {options.frames} frames of "
            f"{options.width}x{options.height}, {options.steps} steps",
            flush=True,
        )
        result = host.run(prompt, timeout=TIMEOUT)
        if result.status != "success":
            print(explain(result), file=sys.stderr)
            return 1
        frames, video = collect(host, prompt, result, options.out)
    sheet = options.out / "contact_sheet.png"
    draw_sheet([DRAWINGS / name for name in DRAWING_NAMES], frames).save(sheet)
    previews = len(result.preview_sizes)
    print(f"done: {result.elapsed:.0f} s in ComfyUI, {previews} previews came while it sampled\n")
    print(f"contact sheet  {shown(sheet)}")
    print(f"video          {shown(video)}")
    print(f"{len(frames)} frames      {shown(frames[0].parent)}")
    print(f"\n{time.monotonic() - begin:.0f} s in all. {MADE_UP}: the frames mean nothing.")
    return 0


def demo_prompt(prompt: Prompt, options: argparse.Namespace) -> Prompt:
    """The example in the size asked for."""
    values = {
        "ToonCrafterKeyframes": {
            "width": options.width,
            "height": options.height,
            "frames": options.frames,
        },
        "ToonCrafterSampler": {"steps": options.steps},
    }
    for node in prompt.values():
        node["inputs"] |= values.get(node["class_type"], {})
    return prompt


def explain(result: RunResult) -> str:
    """Why a run did not succeed, as ComfyUI told it."""
    if result.error is not None:
        return f"{result.error['node_type']}: {result.error['exception_message']}"
    return f"ComfyUI ended the run as '{result.status}': {result.validation}"


def collect(host: Host, prompt: Prompt, result: RunResult, out: Path) -> tuple[list[Path], Path]:
    """Copy frames and video out of ComfyUI's folders, in place of those of an earlier demo."""
    folder = out / "frames"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    frames = []
    [save] = nodes_of(prompt, "SaveVideo")
    for number, record in enumerate(result.images(frames_node(prompt)), 1):
        frames.append(folder / f"frame_{number:03}.png")
        shutil.copyfile(stored(host, record), frames[-1])
    [record] = result.images(save)
    video = out / "interpolation.mp4"
    shutil.copyfile(stored(host, record), video)
    return frames, video


def stored(host: Host, record: dict[str, str]) -> Path:
    """Where the server keeps a file that a node saved."""
    return host.base / record["type"] / record["subfolder"] / record["filename"]


def shown(path: Path) -> str:
    """A path as short as it can be said."""
    path = path.resolve()
    return str(path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path)


def draw_sheet(drawings: Sequence[Path], frames: Sequence[Path]) -> Image.Image:
    """The two drawings and every frame on one page that says what it is."""
    pictures = [Image.open(path).convert("RGB") for path in frames]
    width, height = pictures[0].size
    rows = -(-len(pictures) // COLUMNS)
    page = Image.new(
        "RGB",
        (
            COLUMNS * (width + MARGIN) + MARGIN,
            (rows + 1) * (height + LINE + MARGIN) + 3 * LINE + MARGIN,
        ),
        PAPER,
    )
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    pen.text((MARGIN, MARGIN), "The two drawings", INK, font)
    top = MARGIN + LINE
    for column, path in enumerate(drawings):
        picture = ImageOps.fit(Image.open(path).convert("RGB"), (width, height))
        page.paste(picture, (MARGIN + column * (width + MARGIN), top))
    beside = (2 * MARGIN + 2 * (width + MARGIN), top + MARGIN)
    pen.text(beside, SHEET_WARNING, INK, font, spacing=7)
    top += height + MARGIN
    pen.text((MARGIN, top), f"{len(pictures)} frames by ComfyUI", INK, font)
    top += LINE
    for index, picture in enumerate(pictures):
        left = MARGIN + index % COLUMNS * (width + MARGIN)
        y = top + index // COLUMNS * (height + LINE + MARGIN)
        page.paste(picture, (left, y))
        pen.text((left, y + height + 3), str(index + 1), GREY, font)
    return page


if __name__ == "__main__":
    sys.exit(main())
