"""What people read on the nodes, from their schemas: the English that translations start from.

`python -m comfyui.node_texts FILE` with `tests` on the path writes it as JSON for `dev.py locales`;
TOONCRAFTER_COMFYUI names the ComfyUI.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from comfyui.inprocess import PACK, load_pack, parse_host_arguments, put_host_first


def texts(nodes: Iterable[Any]) -> dict[str, Any]:
    """Names, descriptions and tooltips of node classes, in the form of ComfyUI's nodeDefs.json.

    ``names`` has the display names by id, ``categories`` the parts of the paths in the menu.
    """
    schemas = [node.define_schema() for node in nodes]
    plain: dict[str, str] = import_module(f"{PACK}.nodes.sockets").PLAIN_NAMES
    return {
        "nodes": {schema.node_id: node_texts(schema) for schema in schemas},
        "names": {one.node_id: plain.get(one.node_id, one.display_name) for one in schemas},
        "longer_names": sorted(plain),
        "categories": sorted({part for one in schemas for part in one.category.split("/")}),
    }


def node_texts(schema: Any) -> dict[str, Any]:
    """The texts of one node but for its name."""
    inputs = {one.id: text_of(one, one.display_name or one.id) for one in schema.inputs}
    outputs: dict[str, dict[str, str]] = {}
    for index, one in enumerate(schema.outputs):
        # The page translates the name of a type itself.
        name = one.display_name if one.display_name != one.io_type else None
        if found := text_of(one, name):
            outputs[str(index)] = found
    parts = {"description": schema.description, "inputs": inputs, "outputs": outputs}
    return {name: part for name, part in parts.items() if part}


def text_of(socket: Any, name: str | None) -> dict[str, str]:
    """The name and the tooltip of an input or output, as far as it has them."""
    parts = {"name": name, "tooltip": socket.tooltip}
    return {key: text for key, text in parts.items() if text}


def main() -> int:
    """Load the pack in a ComfyUI and write the texts of its nodes."""
    file = Path(sys.argv[1])
    put_host_first(Path(os.environ["TOONCRAFTER_COMFYUI"]))
    parse_host_arguments()
    pack = load_pack()
    assert pack is not None

    async def collect() -> list[Any]:
        return await (await pack.comfy_entrypoint()).get_node_list()

    found = texts(asyncio.run(collect()))
    file.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
