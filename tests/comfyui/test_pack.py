"""The pack as ComfyUI sees it: loaded, and the same over HTTP as in the process."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests
from comfy_api.latest import io
from tooncrafter_pack.nodes.sockets import schema

from comfyui.host import Host
from comfyui.inprocess import CORE, PACK
from comfyui.launch import PACK_NAME, PROJECT


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


PLAIN: dict[str, Any] = {
    "node_id": "Some", "display_name": "Some", "category": "some", "description": "any",
    "inputs": [], "outputs": [],
}  # fmt: skip


def test_a_schema_leaves_aliases_out_only_where_they_are_unknown_and_takes_no_misspelt_field() -> (
    None
):
    made = schema(**PLAIN, search_aliases=["any"])
    if "search_aliases" in io.Schema.__dataclass_fields__:
        assert made.search_aliases == ["any"]
    assert made.node_id == "Some" and made.category == "some"
    with pytest.raises(TypeError, match="search_alias"):
        schema(**PLAIN, search_alias=["any"])


def test_a_name_shows_what_a_node_is_found_as_only_where_names_alone_are_searched() -> None:
    made = schema(**PLAIN, search_aliases=["any"], found_as="any, other")
    has_aliases = "search_aliases" in io.Schema.__dataclass_fields__
    assert made.display_name == ("Some" if has_aliases else "Some (any, other)")


def test_server_lists_the_blueprint_and_every_node_in_it_is_known(host: Host) -> None:
    [path] = (PROJECT / "subgraphs").glob("*.json")
    answer = requests.get(f"{host.url}/global_subgraphs", timeout=60)
    if answer.status_code == 404:
        pytest.skip("this ComfyUI takes no blueprints from packs")
    ours = [one for one in answer.json().values() if one["info"]["node_pack"].endswith(PACK_NAME)]
    assert [one["name"] for one in ours] == [path.stem]
    blueprint = json.loads(path.read_text(encoding="utf-8"))
    [box], [definition] = blueprint["nodes"], blueprint["definitions"]["subgraphs"]
    assert box["type"] == definition["id"]
    known = host.object_info()
    for node in definition["nodes"]:
        inputs = known[node["type"]]["input"]
        names = {name for group in inputs.values() for name in group}
        assert {socket["name"] for socket in node["inputs"]} <= names
