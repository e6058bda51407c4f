"""Turns a workflow saved by ComfyUI's page into the prompt that its server takes.

The page keeps widget values in a list without names, in the order in which it drew the
widgets; the server wants every input by name. `/object_info` knows the names.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MUTED, BYPASSED = 2, 4
NOTES = {"Note", "MarkdownNote"}
REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
"""A list whose choice brings further inputs, named after it: codec, then codec.encoding."""
WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", DYNAMIC_COMBO}
SEED_NAMES = {"seed", "noise_seed"}
SEED_CONTROLS = {"fixed", "increment", "decrement", "randomize"}

Node = dict[str, Any]


class WorkflowError(ValueError):
    """The workflow holds something that cannot become a prompt."""


def load_workflow(path: Path) -> dict[str, Any]:
    """Read a workflow file that the page saved."""
    workflow = json.loads(path.read_text(encoding="utf-8"))
    if "nodes" not in workflow:
        raise WorkflowError(
            f"{path.name} has no 'nodes'. It may be an API export already; "
            "save it with 'Save' in ComfyUI's menu."
        )
    return workflow


def is_widget(kind: Any, options: dict[str, Any]) -> bool:
    """Whether the page draws an input as a widget rather than as a mere socket."""
    if options.get("forceInput"):
        return False
    return isinstance(kind, list) or kind in WIDGET_TYPES


def input_specs(inputs: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Go through inputs in the order of the page: name, type, options."""
    for group in ("required", "optional"):
        for name, spec in inputs.get(group, {}).items():
            yield name, spec[0], spec[1] if len(spec) > 1 else {}


def name_widgets(values: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Give a node's widget values their names."""
    if isinstance(values, dict):
        return {name: values[name] for name, _, _ in input_specs(inputs) if name in values}
    named: dict[str, Any] = {}
    take_widgets(list(values or []), inputs, named)
    return named


def take_widgets(
    rest: list[Any], inputs: dict[str, Any], named: dict[str, Any], prefix: str = ""
) -> None:
    """Move values from the front of the list to their names.

    A widget that the file is too old to know stands at its default, as it does on the page.
    """
    for name, kind, options in input_specs(inputs):
        if not is_widget(kind, options):
            continue
        path = prefix + name
        value = rest.pop(0) if rest else default_of(kind, options)
        if value is not None:
            named[path] = value
        if kind == DYNAMIC_COMBO:
            chosen = [option for option in options["options"] if option["key"] == value]
            for option in chosen:
                take_widgets(rest, option["inputs"], named, f"{path}.")
        has_control = options.get("control_after_generate") or name in SEED_NAMES
        if has_control and rest and rest[0] in SEED_CONTROLS:
            rest.pop(0)
        has_upload = any(key.endswith("_upload") and options[key] for key in options)
        if has_upload and rest and rest[0] in ("image", None):
            rest.pop(0)  # the button under the file list has a value of its own


def default_of(kind: Any, options: dict[str, Any]) -> Any:
    """Give what the page sets a new widget to; None for a kind that has no value of its own."""
    if "default" in options:
        return options["default"]
    choices = kind if isinstance(kind, list) else options.get("options", [])
    first = choices[0] if choices else None
    return first["key"] if kind == DYNAMIC_COMBO and first else first


class Graph:
    """A saved workflow with its links looked up by id."""

    def __init__(self, workflow: dict[str, Any]) -> None:
        self.nodes: dict[Any, Node] = {node["id"]: node for node in workflow["nodes"]}
        self.sources: dict[Any, tuple[Any, int]] = {}
        for link in workflow.get("links", []):
            if isinstance(link, dict):
                self.sources[link["id"]] = (link["origin_id"], link["origin_slot"])
            else:
                self.sources[link[0]] = (link[1], link[2])

    def resolve(self, link: Any) -> Any:
        """Follow a link to what feeds it: [node id, slot], a plain value, or None."""
        if link is None or link not in self.sources:
            return None
        origin, slot = self.sources[link]
        node = self.nodes[origin]
        if node.get("mode") == MUTED:
            return None
        if node["type"] == PRIMITIVE:
            return node["widgets_values"][0]
        if node["type"] == REROUTE:
            return self.resolve(node["inputs"][0].get("link"))
        if node.get("mode") == BYPASSED:
            wanted = node["outputs"][slot]["type"]
            for socket in node.get("inputs", []):
                if socket["type"] == wanted:
                    return self.resolve(socket.get("link"))
            return None
        return [str(origin), slot]


def to_prompt(workflow: dict[str, Any], object_info: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Convert a saved workflow to a prompt; an unknown node type is an error in words."""
    if workflow.get("definitions", {}).get("subgraphs"):
        raise WorkflowError("The workflow holds subgraphs; unpack them before saving it.")
    graph = Graph(workflow)
    prompt: dict[str, dict[str, Any]] = {}
    for node in graph.nodes.values():
        kind = node["type"]
        if kind in NOTES or kind in (REROUTE, PRIMITIVE) or node.get("mode") in (MUTED, BYPASSED):
            continue
        if kind not in object_info:
            raise WorkflowError(
                f"Node {node['id']} is a '{kind}', which this ComfyUI does not know. "
                "Is its pack installed, and did it load?"
            )
        inputs = name_widgets(node.get("widgets_values"), object_info[kind]["input"])
        for socket in node.get("inputs", []):
            source = graph.resolve(socket.get("link"))
            if source is not None:
                inputs[socket["name"]] = source
        title = node.get("title") or object_info[kind].get("display_name") or kind
        prompt[str(node["id"])] = {
            "class_type": kind,
            "inputs": inputs,
            "_meta": {"title": title},
        }
    return prompt
