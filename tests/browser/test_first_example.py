"""The address that `dev.py comfyui` prints opens the first example."""

import json

from browser.page import ComfyPage
from comfyui.examples import BASIC, EXAMPLES
from comfyui.host import Host
from comfyui.launch import FIRST_EXAMPLE


def test_address_of_dev_py_opens_the_first_example(host: Host, browser_path: str) -> None:
    saved = json.loads((EXAMPLES / f"{BASIC}.json").read_text(encoding="utf-8"))
    with ComfyPage(f"{host.url}/{FIRST_EXAMPLE}", browser_path) as page:
        page.page.wait_for_function(
            "() => app.graph.nodes.some(node => node.type === 'ToonCrafterLoader')", timeout=60_000
        )
        page.screenshot("first-example")
        kinds = page.page.evaluate("() => app.graph.nodes.map(node => node.type)")
    assert sorted(kinds) == sorted(node["type"] for node in saved["nodes"])
