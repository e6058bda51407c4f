"""Pictures of the example workflows as ComfyUI's page draws them, hints of sketches included."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from PIL import Image, ImageSequence

from browser.example_parts import GAP, TITLE, Graph
from browser.page import ComfyPage
from comfyui.host import Host
from comfyui.launch import PROJECT
from tooncrafter_core.pictures.levels import from_levels
from tooncrafter_core.sketches.hints import to_hint
from tooncrafter_core.sketches.line_art import line_art

DRAWINGS = PROJECT / "docs" / "images"
PICTURE_WIDTH, PICTURE_LIMIT = 1400, 60_000
"""Pixels, and bytes: the registry takes no package beyond a size, and this one is nearly there."""

# The message of the server when a node has made pictures.
SHOW_PICTURES = """([id, names]) => app.api.dispatchCustomEvent('executed', {
    node: String(id), display_node: String(id), prompt_id: '',
    output: {images: names.map(filename => ({filename, subfolder: '', type: 'input'}))},
})"""
# Menus and sidebars stand over the canvas; a picture of the workflow does without them.
HIDE_MENUS = """() => {
    const style = document.createElement('style');
    style.textContent = `#vue-app * { visibility: hidden; }
        #graph-canvas, .dom-widget, .dom-widget * { visibility: visible !important; }`;
    document.head.append(style);
}"""
# Older pages show in a node's name what it is found as.
PLAIN_NAMES = """() => {
    for (const node of app.graph.nodes.filter(node => node.type.startsWith('ToonCrafter')))
        node.title = node.title.replace(/ \\([a-z, ]+\\)$/, '');
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


def show_hints(page: ComfyPage, host: Host, graph: Graph) -> None:
    """Let the guidance nodes show their hints as they do after a run."""
    for number, node in enumerate(graph.values(), 1):
        if node.hints_of is None:
            continue
        frames = hints_of(DRAWINGS / node.hints_of, node.is_rough)
        stem = Path(node.hints_of).stem
        names = [host.upload_image(f"{stem}_{i:02}.png", hint) for i, hint in enumerate(frames)]
        page.page.evaluate(SHOW_PICTURES, [number, names])
    page.settle(2.5)


def hints_of(path: Path, is_rough: bool) -> list[np.ndarray]:
    """The hints of a drawing or of every frame of a clip, h w in [0, 1]."""
    with Image.open(path) as picture:
        frames = [np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(picture)]
    pixels = from_levels(rearrange(torch.from_numpy(np.stack(frames)), "b h w c -> b c h w"))
    if is_rough:
        pixels = 1 - 2 * line_art(pixels)
    return [hint[0].numpy() for hint in to_hint(pixels).hints]


def take_picture(page: ComfyPage, workflow: dict[str, Any]) -> Image.Image:
    """The whole workflow as the page draws it, without menus."""
    nodes = workflow["nodes"]
    left = min(n["pos"][0] for n in nodes) - GAP
    top = min(n["pos"][1] for n in nodes) - TITLE - GAP
    right = max(n["pos"][0] + n["size"][0] for n in nodes) + GAP
    bottom = max(n["pos"][1] + n["size"][1] for n in nodes) + GAP
    page.page.evaluate(HIDE_MENUS)
    page.page.evaluate(PLAIN_NAMES)
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
