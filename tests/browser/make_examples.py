"""Builds the example workflows in ComfyUI's own page and saves them.

`python -m browser.make_examples HOST` with `tests` on the path writes example_workflows/NAME.json,
and a picture of the graph where a document shows one (`browser.make_tiles` draws NAME.jpg). Run it
after a change to a node's inputs. The page itself makes the files, so they
are what a person would have saved.
"""

import argparse
import json
import shutil
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from browser.alpha_graphs import sprite_sheet
from browser.colour_graphs import colour_lock
from browser.cut_graphs import cut, cut_alpha, cut_cycle, cut_sheet, cut_sketch
from browser.example_graphs import (
    custom_sampling,
    interpolation,
    stock_samplers,
    upscale_and_video,
)
from browser.example_parts import COLUMNS, GAP, TITLE, Graph
from browser.example_pictures import DRAWINGS, show_hints, take_picture, write_picture
from browser.page import ComfyPage, find_browser
from browser.published_files import add_origins
from browser.region_graphs import redraw_region
from browser.sketch_graphs import (
    colourise_one_reference,
    colourise_two_references,
    line_drawings,
    redraw_frame,
    sketch_every_frame,
    sketch_middle,
)
from comfyui.examples import drawings
from comfyui.host import Host
from comfyui.launch import PROJECT

EXAMPLES = PROJECT / "example_workflows"
IN_DOCUMENTS = ("interpolation", "sketch_middle")
"""Examples whose graph a README or docs/ shows, as docs/images/workflow_NAME.jpg."""

VIEW = (3200, 1500)  # large enough for the page to draw every letter
# Scale and place in which a workflow opens: every letter is drawn (not below 0.6), and a screen
# 1600 wide holds it.
OPENING_VIEW = {"scale": 0.63, "offset": [110, 245]}
WIDE, OPENING_VIEW_OF_WIDE = 2400, {"scale": 0.605, "offset": [105, 245]}

EXAMPLE_GRAPHS = {
    make.__name__: make
    for make in (
        interpolation,
        stock_samplers,
        custom_sampling,
        upscale_and_video,
        sketch_middle,
        sketch_every_frame,
        line_drawings,
        colourise_one_reference,
        colourise_two_references,
        redraw_frame,
        redraw_region,
        sprite_sheet,
        cut,
        cut_cycle,
        cut_sheet,
        cut_sketch,
        cut_alpha,
        colour_lock,
    )
}

CLEAR = "() => { app.graph.clear(); app.graph.last_node_id = 0; app.nodeOutputs = {}; }"
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
    page.page.evaluate(CLEAR)
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


def save(page: ComfyPage, host: Host, name: str, folder: Path) -> None:
    """Write what is on the canvas, and a picture of it where a document shows one."""
    # As text: an undefined value has no place in JSON and would come back as null.
    workflow = json.loads(page.page.evaluate("() => JSON.stringify(app.graph.serialize())"))
    add_origins(workflow["nodes"], host.object_info(), host.version())
    workflow["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"tooncrafter/{name}"))
    width = max(node["pos"][0] + node["size"][0] for node in workflow["nodes"])
    workflow.setdefault("extra", {})["ds"] = OPENING_VIEW_OF_WIDE if width > WIDE else OPENING_VIEW
    for pair in overlaps(workflow):
        print(f"{name}: {pair[0]} and {pair[1]} overlap", file=sys.stderr)
    text = json.dumps(workflow, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    if name in IN_DOCUMENTS:
        images = DRAWINGS if folder == EXAMPLES else folder
        write_picture(take_picture(page, workflow), images / f"workflow_{name}.jpg")


def main(arguments: Sequence[str] | None = None) -> int:
    """Boot ComfyUI, build every example in its page, and save them."""
    parser = argparse.ArgumentParser(prog="browser.make_examples", description=main.__doc__)
    parser.add_argument("host", type=Path, help="folder that holds ComfyUI's main.py")
    parser.add_argument("names", nargs="*", help="examples to make; all unless given")
    parser.add_argument("--out", type=Path, default=EXAMPLES)
    options = parser.parse_args(arguments)
    executable = find_browser()
    if executable is None:
        print("no Chromium on this machine; name one in TOONCRAFTER_BROWSER", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with Host(options.host) as host:
        for drawing in drawings():
            shutil.copyfile(drawing, host.base / "input" / drawing.name)
        with ComfyPage(host.url, executable, size=VIEW) as page:
            for name in options.names or EXAMPLE_GRAPHS:
                graph = EXAMPLE_GRAPHS[name]()
                build(page, graph)
                show_hints(page, host, graph)
                save(page, host, name, options.out)
                print(options.out / f"{name}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
