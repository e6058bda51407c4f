"""The English texts of the nodes are those of their schemas, in every ComfyUI; values are kept."""

import re
from typing import Any

import pytest
import requests

from comfyui.host import Host
from comfyui.node_texts import texts
from devtools import locales

AGAIN = "run 'python3 dev.py locales', then translate what it lists"


def test_english_is_what_the_nodes_say(pack_nodes: dict[str, Any]) -> None:
    assert locales.read("en") == locales.english_of(texts(pack_nodes.values())), AGAIN


def test_the_server_hands_every_language_to_the_page(host: Host) -> None:
    served = host.get_json("/i18n")
    for language in ("en", *locales.languages()):
        files = locales.read(language)
        nodes = served[language]["nodeDefs"]
        assert {node: nodes[node] for node in files["nodeDefs.json"]} == files["nodeDefs.json"]
        parts = files["main.json"]["nodeCategories"]
        assert parts.items() <= served[language]["nodeCategories"].items()


def test_the_server_hands_out_every_help_page(host: Host, pack_nodes: dict[str, Any]) -> None:
    for node in pack_nodes:
        answer = requests.get(f"{host.url}/extensions/tooncrafter/docs/{node}.md", timeout=60)
        assert answer.ok and answer.text.startswith("# "), node


@pytest.mark.parametrize("language", locales.languages())
def test_tooltips_name_values_of_lists_as_the_page_shows_them(
    language: str, pack_nodes: dict[str, Any]
) -> None:
    # The page translates no value of a list, in any version that was tried.
    translated = locales.read(language)["nodeDefs.json"]
    found = {}
    for node, made in pack_nodes.items():
        for one in made.define_schema().inputs:
            values = [str(value) for value in getattr(one, "options", None) or []]
            text = translated[node]["inputs"][one.id]["tooltip"]
            named = [
                value for value in values if re.search(rf"\b{re.escape(value)}\b", one.tooltip)
            ]
            gone = [value for value in named if value not in text]
            found |= {(node, one.id): gone} if gone else {}
    assert found == {}
