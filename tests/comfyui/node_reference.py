"""The pack's nodes as ComfyUI describes them to its page, for the site.

`python -m comfyui.node_reference FILE` with `tests` on the path writes them as JSON;
TOONCRAFTER_COMFYUI names the ComfyUI.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from comfyui.host import Host

MENU = "ToonCrafter"
"""Where the nodes are in the menu, first part."""
INTERNAL = "internal"
"""The last part for nodes that only others expand into."""


def ours(object_info: dict[str, Any]) -> dict[str, Any]:
    """Of all nodes of a ComfyUI those of this pack, without those that only others expand into.

    Newer versions mark those as ``dev_only``; older ones show only their part of the menu.
    """
    return {kind: node for kind, node in object_info.items() if _is_for_people(node)}


def _is_for_people(node: dict[str, Any]) -> bool:
    parts = node["category"].split("/")
    return parts[0] == MENU and parts[-1] != INTERNAL and not node.get("dev_only")


def main() -> int:
    """Ask a ComfyUI with the pack in it."""
    with Host(os.environ["TOONCRAFTER_COMFYUI"]) as host:
        found = ours(host.object_info())
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
