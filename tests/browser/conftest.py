"""A running ComfyUI and its page in a browser; skipped in words where either is missing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.page import ComfyPage, find_browser
from comfyui.examples import BASIC, EXAMPLES, prepare
from comfyui.host import Host

VARIABLE = "TOONCRAFTER_COMFYUI"
PROBE_PACK = Path(__file__).resolve().parents[1] / "comfyui" / "probe_pack"


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The browser to use."""
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium on this machine; install one or name it in TOONCRAFTER_BROWSER")
    return path


@pytest.fixture(scope="session")
def host(browser_path: str) -> Iterator[Host]:
    """A running ComfyUI with this pack in it."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} is not set; 'python dev.py test' sets it")
    with Host(folder, extra_packs=[PROBE_PACK]) as running:
        yield running


@pytest.fixture(scope="module")
def comfy_page(host: Host, browser_path: str) -> Iterator[ComfyPage]:
    """ComfyUI's page, loaded and ready; closed with the file, as a thread drives one browser."""
    with ComfyPage(host.url, browser_path) as page:
        yield page


@pytest.fixture(scope="module", params=[False, True], ids=["canvas nodes", "Nodes 2.0"])
def page(host: Host, browser_path: str, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in each of its two ways to draw nodes.

    It is opened when weights and drawings are in place, so that its lists know them.
    """
    prepare(host.base)
    host.set_setting("Comfy.VueNodes.Enabled", request.param)
    with ComfyPage(host.url, browser_path) as opened:
        opened.drop_workflow(EXAMPLES / f"{BASIC}.json")
        if request.param and not opened.has_nodes_2():
            pytest.skip("this ComfyUI's page has no Nodes 2.0")
        assert opened.has_nodes_2() == request.param
        yield opened
    host.set_setting("Comfy.VueNodes.Enabled", False)
