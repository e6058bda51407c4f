"""Builds the pack's subgraph blueprint in ComfyUI's own page: two drawings to a clip, as one node.

`python -m browser.make_blueprint HOST` with `tests` on the path writes subgraphs/NAME.json. HOST is
a ComfyUI whose page has blueprints, 0.33.0 for one. ComfyUI finds the file in a pack and
offers it among the nodes; the page makes it, so it is what a person would have published.
"""

import argparse
import json
import re
import shutil
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from browser.example_graphs import interpolation
from browser.example_parts import Graph, beginning
from browser.example_pictures import DRAWINGS
from browser.make_examples import build
from browser.page import ComfyPage, find_browser
from browser.published_files import add_origins
from comfyui.host import Host
from comfyui.launch import PROJECT

BLUEPRINTS = PROJECT / "subgraphs"
NAME = "Two drawings to a clip (ToonCrafter)"
DESCRIPTION = (
    "The frames between two drawings, as one node: the model, the prompts, both keyframes, the "
    "sampler and the decoder are in it. It is set for the mini model of the pack. For published "
    "weights choose their files, 512x320, 50 steps and cfg 7.5. Open it to change the rest."
)
CATEGORY = "ToonCrafter"
ALIASES = ("inbetween", "interpolate", "start end frame", "keyframes", "cartoon")

INSIDE = ("load", "positive", "negative", "keyframes", "sampler", "decode")
"""Nodes of the basic example that go into the box; the drawings stay outside."""
SOCKETS = ("first_image", "last_image")
WIDGETS = {
    "prompt": ("positive", "text"),
    "negative_prompt": ("negative", "text"),
    "checkpoint": ("load", "checkpoint"),
    "text_encoder": ("load", "text_encoder"),
    "image_encoder": ("load", "image_encoder"),
    "width": ("keyframes", "width"),
    "height": ("keyframes", "height"),
    "frames": ("keyframes", "frames"),
    "motion_fps": ("keyframes", "motion_fps"),
    "seed": ("sampler", "seed"),
    "steps": ("sampler", "steps"),
    "cfg": ("sampler", "cfg"),
}
"""What can be set on the box: its name there, and the node and widget that it sets."""

# The page shows some widgets of its own choice, which give way to ours.
WRAP = """([inside, sockets, widgets, about]) => {
    const items = new Set(inside.map(id => app.graph.getNodeById(id)));
    const {subgraph, node} = app.graph.convertToSubgraph(items);
    for (const input of [...subgraph.inputs])
        if (!sockets.includes(input.name)) subgraph.removeInput(input);
    for (const [name, id, widget] of widgets) {
        const target = subgraph.getNodeById(id);
        const slot = target.inputs.find(input => input.widget?.name === widget);
        subgraph.addInput(name, String(slot.type)).connect(slot, target);
    }
    subgraph.name = node.title = about.name;
    subgraph.category = about.category;
    node.pos = [0, 0];
    node.setSize(node.computeSize());
    for (const other of [...app.graph.nodes]) if (other !== node) app.graph.remove(other);
    const problems = [...sockets, ...widgets.map(([name]) => name)].filter(
        name => !node.inputs.some(input => input.name === name));
    return problems.map(name => `the box has no ${name}`);
}"""


def numbers_of(graph: Graph) -> dict[str, int]:
    """The ids that the nodes get on the canvas."""
    return {name: number for number, name in enumerate(graph, 1)}


def with_fixed_ids(text: str) -> str:
    """The same with ids that do not change from one making to the next."""
    known: dict[str, str] = {}

    def fixed(match: re.Match[str]) -> str:
        name = f"tooncrafter/blueprint/{len(known)}"
        return known.setdefault(match[0], str(uuid.uuid5(uuid.NAMESPACE_URL, name)))

    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", fixed, text)


def make(page: ComfyPage, host: Host) -> dict[str, Any]:
    """The blueprint: a workflow of one node, with the definition of its subgraph."""
    graph = {**interpolation(), **beginning(prompt="")}
    build(page, graph)
    numbers = numbers_of(graph)
    widgets = [[name, numbers[node], widget] for name, (node, widget) in WIDGETS.items()]
    about = {"name": NAME, "category": CATEGORY}
    inside = [numbers[name] for name in INSIDE]
    problems = page.page.evaluate(WRAP, [inside, list(SOCKETS), widgets, about])
    if problems:
        raise ValueError("; ".join(problems))
    page.settle(1.0)
    made = json.loads(page.page.evaluate("() => JSON.stringify(app.graph.serialize())"))
    [definition] = made["definitions"]["subgraphs"]
    definition["category"] = CATEGORY
    add_origins(definition["nodes"], host.object_info(), host.version())
    made["extra"] = {"BlueprintDescription": DESCRIPTION, "BlueprintSearchAliases": list(ALIASES)}
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Boot ComfyUI, build the blueprint in its page, and save it."""
    parser = argparse.ArgumentParser(prog="browser.make_blueprint", description=main.__doc__)
    parser.add_argument("host", type=Path, help="folder that holds ComfyUI's main.py")
    parser.add_argument("--out", type=Path, default=BLUEPRINTS)
    options = parser.parse_args(arguments)
    executable = find_browser()
    if executable is None:
        print("no Chromium on this machine; name one in TOONCRAFTER_BROWSER", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with Host(options.host) as host:
        for drawing in DRAWINGS.glob("tooncrafter_*.png"):
            shutil.copyfile(drawing, host.base / "input" / drawing.name)
        with ComfyPage(host.url, executable) as page:
            text = with_fixed_ids(json.dumps(make(page, host), indent=1, ensure_ascii=False))
    path = options.out / f"{NAME}.json"
    path.write_text(text + "\n", encoding="utf-8")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
