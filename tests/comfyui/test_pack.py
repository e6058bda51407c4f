"""The pack as ComfyUI sees it: loaded, and the same over HTTP as in the process."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from comfyui.host import Host
from comfyui.inprocess import CORE, PACK
from comfyui.launch import PROJECT


def test_host_modules_win_over_ours_on_the_search_path() -> None:
    host_nodes = importlib.import_module("nodes")
    assert Path(str(host_nodes.__file__)).parent != PROJECT
    assert hasattr(host_nodes, "NODE_CLASS_MAPPINGS")


def test_core_is_one_module_under_both_names(pack: ModuleType) -> None:
    plain = importlib.import_module(f"{CORE}.config")
    assert plain is sys.modules[f"{PACK}.{CORE}.config"]


def test_server_knows_every_node_of_the_pack(host: Host, pack_nodes: dict[str, Any]) -> None:
    known = host.object_info()
    missing = [node_id for node_id in pack_nodes if node_id not in known]
    assert pack_nodes and not missing, f"missing: {missing}\n{host.log_tail()}"
