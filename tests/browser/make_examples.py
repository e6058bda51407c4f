"""Builds the example workflows in ComfyUI's own page and saves them with a picture of each.

`python -m browser.make_examples HOST` with `tests` on the path writes example_workflows/NAME.json
and NAME.jpg. Run it after a change to a node's inputs. The page itself makes the files, so they
are what a person would have saved.
"""

import argparse
import io
import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from browser.page import ComfyPage, find_browser
from comfyui.host import Host
from comfyui.launch import PROJECT

EXAMPLES = PROJECT / "example_workflows"
KEYFRAMES = PROJECT / "docs" / "images"

CHECKPOINT = "tooncrafter_512_interp-pruned-fp16.safetensors"
TEXT_ENCODER = "stable-diffusion-2-1-clip-fp16.safetensors"
IMAGE_ENCODER = "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors"
UPSCALER = "RealESRGAN_x4plus_anime_6B.pth"
MODEL_FILES = (
    f"checkpoints/{CHECKPOINT}",
    f"text_encoders/{TEXT_ENCODER}",
    f"clip_vision/{IMAGE_ENCODER}",
    f"upscale_models/{UPSCALER}",
)
PROMPT = "a boy jumps up and reaches for a star"

VIEW = (3200, 1500)  # large enough for the page to draw every letter
# Scale and place in which a workflow opens: every letter is drawn, and a screen 1600 wide holds it.
OPENING_VIEW = {"scale": 0.63, "offset": [110, 245]}
PICTURE_WIDTH, PICTURE_LIMIT = 1800, 200_000

# Columns from left to right; those that an example does not use take no room. Heights leave free
# lanes above the nodes for MODEL and VAE, which run from the first column to the later ones.
COLUMNS = ("load", "text", "keyframes", "patch", "sample", "decode", "upscale", "look")
GAP, TITLE = 44, 30


@dataclass(frozen=True)
class Placed:
    """A node on the canvas."""

    kind: str
    column: str
    top: int
    size: tuple[int, int]
    widgets: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Input name: name of the node it comes from, and of that node's output."""
    title: str | None = None


Graph = dict[str, Placed]

INTRODUCTION = """## {title}

{what}

1. **Load ToonCrafter**: choose your file. `model.ckpt` brings its own encoders: leave both at \
*none*. The pruned file needs the two encoder files.
2. Choose your **two drawings**.
3. **Prompt**: a short sentence of what happens.
4. Press **Run**.

{more}
"""


def note(title: str, what: str, more: str) -> Placed:
    """The words that greet whoever opens the workflow."""
    text = INTRODUCTION.format(title=title, what=what, more=more)
    return Placed("MarkdownNote", "load", 240, (440, 270), {"text": text}, title="Read me")


def beginning() -> Graph:
    """What every example starts with: weights, prompts and the two keyframes."""
    return {
        "load": Placed(
            "ToonCrafterLoader", "load", 0, (440, 190),
            {"checkpoint": CHECKPOINT, "text_encoder": TEXT_ENCODER,
             "image_encoder": IMAGE_ENCODER},
        ),
        "positive": Placed(
            "CLIPTextEncode", "text", 200, (340, 100), {"text": PROMPT},
            {"clip": ("load", "CLIP")}, title="Prompt",
        ),
        "negative": Placed(
            "CLIPTextEncode", "text", 350, (340, 90), {"text": ""},
            {"clip": ("load", "CLIP")}, title="Negative prompt (may stay empty)",
        ),
        "first": Placed(
            "LoadImage", "text", 490, (340, 316), {"image": "tooncrafter_first.png"},
            title="First keyframe",
        ),
        "last": Placed(
            "LoadImage", "text", 856, (340, 316), {"image": "tooncrafter_last.png"},
            title="Last keyframe",
        ),
        "keyframes": Placed(
            "ToonCrafterKeyframes", "keyframes", 130, (300, 290), {"seed": 123},
            {"positive": ("positive", "CONDITIONING"), "negative": ("negative", "CONDITIONING"),
             "clip_vision": ("load", "CLIP_VISION"), "vae": ("load", "VAE"),
             "first_image": ("first", "IMAGE"), "last_image": ("last", "IMAGE")},
        ),
    }  # fmt: skip


def ending(samples: tuple[str, str], images: str = "decode") -> Graph:
    """What every example ends with: frames, a look at them, and a video file."""
    return {
        "decode": Placed(
            "ToonCrafterDecode", "decode", -60, (300, 150), {},
            {"vae": ("load", "VAE"), "latent": samples, "first_image": ("first", "IMAGE"),
             "last_image": ("last", "IMAGE")},
        ),
        "preview": Placed(
            "PreviewImage", "look", 20, (420, 420), {}, {"images": (images, "IMAGE")},
            title="Frames",
        ),
        "video": Placed(
            "CreateVideo", "look", 490, (420, 80), {"fps": 8.0}, {"images": (images, "IMAGE")}
        ),
        "save": Placed(
            "SaveVideo", "look", 630, (420, 420), {"filename_prefix": "video/tooncrafter"},
            {"video": ("video", "VIDEO")},
        ),
    }  # fmt: skip


CONDITIONED = {
    "positive": ("keyframes", "positive"),
    "negative": ("keyframes", "negative"),
}


def interpolation() -> Graph:
    """The basic example, with the published settings."""
    return {
        "note": note(
            "Frames between two drawings",
            "The settings the model was published with: 50 steps of DDIM.",
            "**motion_fps** sets how much moves: lower is more. **fps** of *Create Video* sets how "
            "fast it plays.",
        ),
        **beginning(),
        "sampler": Placed(
            "ToonCrafterSampler", "sample", 75, (300, 250), {"seed": 123},
            {"model": ("load", "MODEL"), **CONDITIONED, "latent": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "LATENT")),
    }  # fmt: skip


def stock_samplers() -> Graph:
    """KSampler in place of our own sampler."""
    return {
        "note": note(
            "With ComfyUI's KSampler",
            "25 steps of *dpmpp_2m*: half the time of the published 50, and another motion.",
            "**sgm_uniform** starts from pure noise, as the model was trained. *Guidance Rescale* "
            "keeps the colours from burning.",
        ),
        **beginning(),
        "rescale": Placed(
            "ToonCrafterGuidanceRescale", "patch", 45, (300, 60), {},
            {"model": ("load", "MODEL")},
        ),
        "sampler": Placed(
            "KSampler", "sample", 70, (300, 270),
            {"seed": 123, "control_after_generate": "randomize", "steps": 25, "cfg": 7.5,
             "sampler_name": "dpmpp_2m", "scheduler": "sgm_uniform", "denoise": 1.0},
            {"model": ("rescale", "MODEL"), **CONDITIONED,
             "latent_image": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "LATENT")),
    }  # fmt: skip


def custom_sampling() -> Graph:
    """The published sampler in parts, for graphs of SamplerCustom."""
    return {
        "note": note(
            "The sampler in parts",
            "The same as *ToonCrafter Sampler (DDIM)*, for graphs of *SamplerCustom*.",
            "Take another SAMPLER or other SIGMAS to try them on this model.",
        ),
        **beginning(),
        "rescale": Placed(
            "ToonCrafterGuidanceRescale", "patch", 45, (300, 60), {},
            {"model": ("load", "MODEL")},
        ),
        "ddim": Placed("ToonCrafterDDIM", "patch", 390, (300, 60)),
        "sigmas": Placed(
            "ToonCrafterSigmas", "patch", 260, (300, 82), {"steps": 50},
            {"model": ("load", "MODEL")},
        ),
        "sampler": Placed(
            "SamplerCustom", "sample", 70, (300, 250),
            {"add_noise": True, "noise_seed": 123, "control_after_generate": "randomize",
             "cfg": 7.5},
            {"model": ("rescale", "MODEL"), **CONDITIONED, "sampler": ("ddim", "SAMPLER"),
             "sigmas": ("sigmas", "SIGMAS"), "latent_image": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "output")),
    }  # fmt: skip


def upscale_and_video() -> Graph:
    """The basic example, with an upscaler behind it."""
    return {
        **interpolation(),
        **ending(("sampler", "LATENT"), images="upscale"),
        "note": note(
            "Larger frames, saved as a video",
            "Frames of 512x320 are drawn, then enlarged by an upscaler for drawings.",
            "Put the upscaler into `models/upscale_models`; any will do. *Create Video* takes "
            "sound, too.",
        ),
        "upscaler": Placed(
            "UpscaleModelLoader", "decode", 150, (300, 60), {"model_name": UPSCALER}
        ),
        "upscale": Placed(
            "ImageUpscaleWithModel", "upscale", -60, (280, 50), {},
            {"upscale_model": ("upscaler", "UPSCALE_MODEL"), "image": ("decode", "IMAGE")},
        ),
    }  # fmt: skip


EXAMPLE_GRAPHS = {
    "interpolation": interpolation,
    "stock_samplers": stock_samplers,
    "custom_sampling": custom_sampling,
    "upscale_and_video": upscale_and_video,
}

ADD_NODE = """([id, kind, pos, size, widgets, title]) => {
    const node = LiteGraph.createNode(kind);
    if (!node) return [`there is no node ${kind}`];
    node.id = id;
    app.graph.add(node);
    app.graph.last_node_id = Math.max(app.graph.last_node_id, id);
    node.pos = pos;
    const least = node.computeSize();
    node.setSize([Math.max(size[0], least[0]), Math.max(size[1], least[1])]);
    if (title) node.title = title;
    const problems = [];
    for (const [name, value] of Object.entries(widgets)) {
        const widget = node.widgets?.find(w => w.name === name);
        if (!widget) { problems.push(`${kind} has no widget ${name}`); continue; }
        widget.value = value;
        widget.callback?.(value);
    }
    if (least[0] > size[0] || least[1] > size[1]) problems.push(`${kind} needs ${least}`);
    return problems;
}"""
CONNECT = """([source, output, target, input]) => {
    const from = app.graph.getNodeById(source), to = app.graph.getNodeById(target);
    const slot = from.outputs.findIndex(o => o.name === output);
    const place = to.inputs.findIndex(i => i.name === input);
    return slot >= 0 && place >= 0 && from.connect(slot, to, place) !== null;
}"""
# Menus and sidebars stand over the canvas; a picture of the workflow does without them.
HIDE_MENUS = """() => {
    const style = document.createElement('style');
    style.textContent = `#vue-app * { visibility: hidden; }
        #graph-canvas, .dom-widget, .dom-widget * { visibility: visible !important; }`;
    document.head.append(style);
}"""
FIT_VIEW = """([left, top, width, height]) => {
    const canvas = app.canvas, room = canvas.canvas.getBoundingClientRect();
    const scale = Math.min(room.width / width, room.height / height);
    canvas.show_info = false;
    canvas.ds.scale = scale;
    canvas.ds.offset = [-left, -top];
    canvas.setDirty(true, true);
    return [width * scale, height * scale];
}"""


def column_lefts(graph: Graph) -> dict[str, int]:
    """Where the columns that a graph uses begin."""
    lefts, left = {}, 0
    for column in COLUMNS:
        widths = [node.size[0] for node in graph.values() if node.column == column]
        if widths:
            lefts[column] = left
            left += max(widths) + GAP
    return lefts


def build(page: ComfyPage, graph: Graph) -> None:
    """Put the nodes on an empty canvas and connect them."""
    page.page.evaluate("() => { app.graph.clear(); app.graph.last_node_id = 0; }")
    numbers = {name: number for number, name in enumerate(graph, 1)}
    lefts = column_lefts(graph)
    for name, node in graph.items():
        position = [lefts[node.column], node.top]
        problems = page.page.evaluate(
            ADD_NODE,
            [numbers[name], node.kind, position, list(node.size), node.widgets, node.title],
        )
        for problem in problems:
            print(f"{name}: {problem}", file=sys.stderr)
    for name, node in graph.items():
        for socket, (source, output) in node.inputs.items():
            if not page.page.evaluate(CONNECT, [numbers[source], output, numbers[name], socket]):
                raise ValueError(f"{source}.{output} does not connect to {name}.{socket}")
    page.settle(1.5)


def overlaps(workflow: dict[str, Any], margin: int = 5) -> list[tuple[str, str]]:
    """Pairs of nodes that cover each other, title bars included."""
    boxes = [
        (n["type"], n["pos"][0], n["pos"][1] - TITLE, n["pos"][0] + n["size"][0],
         n["pos"][1] + n["size"][1])
        for n in workflow["nodes"]
    ]  # fmt: skip
    return [
        (a[0], b[0])
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
        if a[1] < b[3] + margin and b[1] < a[3] + margin
        and a[2] < b[4] + margin and b[2] < a[4] + margin
    ]  # fmt: skip


def save(page: ComfyPage, name: str, folder: Path) -> None:
    """Write what is on the canvas, and a picture of it."""
    # As text: an undefined value has no place in JSON and would come back as null.
    workflow = json.loads(page.page.evaluate("() => JSON.stringify(app.graph.serialize())"))
    workflow["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"tooncrafter/{name}"))
    workflow.setdefault("extra", {})["ds"] = OPENING_VIEW
    for pair in overlaps(workflow):
        print(f"{name}: {pair[0]} and {pair[1]} overlap", file=sys.stderr)
    text = json.dumps(workflow, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    write_picture(take_picture(page, workflow), folder / f"{name}.jpg")


def take_picture(page: ComfyPage, workflow: dict[str, Any]) -> Image.Image:
    """The whole workflow as the page draws it, without menus."""
    nodes = workflow["nodes"]
    left = min(n["pos"][0] for n in nodes) - GAP
    top = min(n["pos"][1] for n in nodes) - TITLE - GAP
    right = max(n["pos"][0] + n["size"][0] for n in nodes) + GAP
    bottom = max(n["pos"][1] + n["size"][1] for n in nodes) + GAP
    page.page.evaluate(HIDE_MENUS)
    width, height = page.page.evaluate(FIT_VIEW, [left, top, right - left, bottom - top])
    page.settle(1.5)
    picture = page.page.screenshot(clip={"x": 0, "y": 0, "width": width, "height": height})
    return Image.open(io.BytesIO(picture)).convert("RGB")


def write_picture(picture: Image.Image, path: Path) -> None:
    """Save as JPEG in the best quality that stays under the limit."""
    height = round(picture.height * PICTURE_WIDTH / picture.width)
    picture = picture.resize((PICTURE_WIDTH, height), Image.Resampling.LANCZOS)
    for quality in range(92, 30, -4):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= PICTURE_LIMIT:
            break
    path.write_bytes(buffer.getvalue())


def main(arguments: Sequence[str] | None = None) -> int:
    """Boot ComfyUI, build every example in its page, and save them."""
    parser = argparse.ArgumentParser(prog="browser.make_examples", description=main.__doc__)
    parser.add_argument("host", type=Path, help="folder that holds ComfyUI's main.py")
    parser.add_argument("--out", type=Path, default=EXAMPLES)
    options = parser.parse_args(arguments)
    executable = find_browser()
    if executable is None:
        print("no Chromium on this machine; name one in TOONCRAFTER_BROWSER", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with Host(options.host) as host:
        for name in MODEL_FILES:
            # Only their names are needed, for the lists in the loaders.
            path = host.base / "models" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for which in ("first", "last"):
            name = f"tooncrafter_{which}.png"
            host.upload_image(name, np.asarray(Image.open(KEYFRAMES / name)))
        with ComfyPage(host.url, executable, size=VIEW) as page:
            for name, make in EXAMPLE_GRAPHS.items():
                build(page, make())
                save(page, name, options.out)
                print(options.out / f"{name}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
