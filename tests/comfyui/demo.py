"""Draws between two pictures with the mini model in a real ComfyUI; saves frames, video, sheet.

`python -m comfyui.demo HOST` with `tests` on the path.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from comfyui.examples import (
    BASIC,
    DRAWING_NAMES,
    DRAWINGS,
    drawings,
    example_names,
    frames_node,
    load_prompt,
    nodes_of,
)
from comfyui.host import Host, Prompt, RunResult
from comfyui.launch import PROJECT
from tooncrafter_core.config.embedded import (
    MINI,
    MINI_SIZE,
    MINI_SKETCH,
    MINI_STEPS,
    embedded_file,
    mini_absent,
)
from tooncrafter_core.errors import ToonCrafterError
from tooncrafter_core.files import Place, check_places
from tooncrafter_core.pictures.fitting import fit
from tooncrafter_core.pictures.sheets import sheet_with_cross_fade
from tooncrafter_core.pictures.stills import read_image
from tooncrafter_core.pictures.write import write_video

TIMEOUT = 1800.0

OUT = PROJECT / "out" / "demo"
ENDS, SHEET, VIDEO = (
    ("first_drawing.png", "last_drawing.png"), "contact_sheet.png", "interpolation.mp4",
)  # fmt: skip

ABOUT = """\
The mini model that comes with the project draws this. It has less than 1/150 of the published
model's size and was trained from nothing, on drawn clips of simple figures and a film: judge by it
that everything works, not how ToonCrafter draws. README says where the published weights are."""
ON_SHEET = (
    "Drawn by the mini model that comes with the project: less than 1/150 of the published one's "
    "size,",
    "trained from nothing on drawn clips of simple figures and on a film.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Boot ComfyUI, run the example with the mini model, save what comes of it."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description=main.__doc__)
    parser.add_argument("host", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="folder for the pictures (out/demo)")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier demo there")
    first, last = (DRAWINGS / name for name in DRAWING_NAMES)
    parser.add_argument("--first", type=Path, default=first, help="the drawing to begin with")
    parser.add_argument("--last", type=Path, default=last, help="the drawing to end with")
    parser.add_argument("--example", choices=example_names(), default=BASIC)
    parser.add_argument("--width", type=int, default=MINI_SIZE[0])
    parser.add_argument("--height", type=int, default=MINI_SIZE[1])
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--steps", type=int, default=MINI_STEPS)
    parser.add_argument("--seed", type=int, default=123)
    options = parser.parse_args(arguments)
    if options.out is None:
        options.out, options.overwrite = OUT, True
    try:
        return run_demo(options)
    except ToonCrafterError as error:
        print(f"dev.py demo: {error}", file=sys.stderr)
        return 1


def run_demo(options: argparse.Namespace) -> int:
    """Do it; ``ToonCrafterError`` for weights that are not there and drawings of no use."""
    begin = time.monotonic()
    if embedded_file(MINI) is None:
        raise ToonCrafterError(mini_absent())
    check_places(demo_places(options.out), [options.first, options.last], options.overwrite)
    ends = [read_image(path) for path in (options.first, options.last)]
    print(ABOUT, flush=True)
    with Host(options.host) as host:
        place_pictures(host.base, options)
        nodes = host.object_info()
        ours = [name for name in nodes if name.startswith("ToonCrafter")]
        print(
            f"\nComfyUI answered after {host.boot_seconds:.0f} s; it has {len(ours)} nodes of ours"
        )
        prompt = demo_prompt(load_prompt(options.example, nodes), options)
        print(
            f"running example_workflows/{options.example}.json: {options.frames} frames of "
            f"{options.width}x{options.height}, steps: {options.steps}",
            flush=True,
        )
        result = host.run(prompt, timeout=TIMEOUT)
        if result.status != "success":
            print(explain(result), file=sys.stderr)
            return 1
        frames, video = collect(host, prompt, result, options)
    for name, image in zip(ENDS, ends, strict=True):
        write_video(image[None], options.out / name, overwrite=options.overwrite)
    sheet = write_sheet(ends, frames, options)
    previews = len(result.preview_sizes)
    print(f"done: {result.elapsed:.0f} s in ComfyUI, {previews} previews came while it sampled\n")
    print(f"contact sheet  {shown(sheet)}")
    print(f"video          {shown(video)}")
    print(f"two drawings   {shown(options.out / 'first_drawing.png')} and last_drawing.png")
    print(f"{len(frames)} frames      {shown(frames[0].parent)}")
    print(f"\n{time.monotonic() - begin:.0f} s in all")
    return 0


def demo_places(out: Path) -> list[Place]:
    """Everything that a demo writes."""
    files = [Place(option="--out", at=out / name) for name in (*ENDS, SHEET, VIDEO)]
    frames = Place(option="--out", at=out / "frames", kind="folder", names=("*",))
    return [*files, frames]


def place_pictures(base: Path, options: argparse.Namespace) -> None:
    """Put the two drawings, and the clips of other examples, where ComfyUI looks for them."""
    for path in drawings():
        shutil.copyfile(path, base / "input" / path.name)
    for name, path in zip(DRAWING_NAMES, (options.first, options.last), strict=True):
        shutil.copyfile(path, base / "input" / name)


def demo_prompt(prompt: Prompt, options: argparse.Namespace) -> Prompt:
    """The example with the mini model and what was asked for."""
    values = {
        "ToonCrafterLoader": {"checkpoint": MINI, "text_encoder": "none", "image_encoder": "none"},
        "ToonCrafterSketchEncoderLoader": {"sketch_encoder": MINI_SKETCH},
        "ToonCrafterKeyframes": {
            "width": options.width,
            "height": options.height,
            "frames": options.frames,
        },
        "ToonCrafterSampler": {"steps": options.steps, "seed": options.seed},
        "ToonCrafterSigmas": {"steps": options.steps},
        "SamplerCustom": {"noise_seed": options.seed},
        "KSampler": {"steps": options.steps, "seed": options.seed},
    }
    for node in prompt.values():
        node["inputs"] |= values.get(node["class_type"], {})
    return prompt


def explain(result: RunResult) -> str:
    """Why a run did not succeed, in ComfyUI's words."""
    if result.error is not None:
        return f"{result.error['node_type']}: {result.error['exception_message']}"
    return f"ComfyUI ended the run as '{result.status}': {result.validation}"


def collect(
    host: Host, prompt: Prompt, result: RunResult, options: argparse.Namespace
) -> tuple[list[Path], Path]:
    """Copy frames and video out of ComfyUI's folders, in place of those of an earlier demo."""
    folder = options.out / "frames"
    folder.mkdir(parents=True, exist_ok=True)
    if options.overwrite:
        for earlier in folder.glob("frame_[0-9][0-9][0-9].png"):
            earlier.unlink()
    frames = []
    [save] = nodes_of(prompt, "SaveVideo")
    for number, record in enumerate(result.images(frames_node(prompt)), 1):
        frames.append(folder / f"frame_{number:03}.png")
        shutil.copyfile(stored(host, record), frames[-1])
    [record] = result.images(save)
    video = options.out / VIDEO
    shutil.copyfile(stored(host, record), video)
    return frames, video


def stored(host: Host, record: dict[str, str]) -> Path:
    """Where the server keeps a file that a node saved."""
    return host.base / record["type"] / record["subfolder"] / record["filename"]


def shown(path: Path) -> str:
    """A path as short as it can be said."""
    path = path.resolve()
    return str(path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path)


def write_sheet(
    ends: Sequence[torch.Tensor], frames: Sequence[Path], options: argparse.Namespace
) -> Path:
    """The clip between its two drawings and the cross-fade of them, on one page."""
    clip = torch.stack([read_image(frame) for frame in frames])
    height, width = clip.shape[-2:]
    fitted = []
    for image in ends:
        picture, placement = fit(image[None], width, height, "crop", 1)
        fitted.append(placement.restore(picture)[0])
    caption = f"the mini model, {len(clip)} frames by ComfyUI"
    sheet = sheet_with_cross_fade(clip, fitted[0], fitted[1], ON_SHEET, caption)
    return write_video(sheet, options.out / SHEET, overwrite=options.overwrite)


if __name__ == "__main__":
    sys.exit(main())
