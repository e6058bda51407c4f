"""Tests against a real ComfyUI, the folder of which the variable TOONCRAFTER_COMFYUI names.

Two ways in, and a test may use both:

- `host` is a running server with the pack in it; prompts go to it over HTTP.
- `pack` is this project imported into the test process, together with ComfyUI's own modules.
  `from comfy... import ...` works at the top of a test file.

ComfyUI's modules and ours would get into each other's way on one search path: it has a
`nodes.py` and a `tests`, we have folders of the same names. So ComfyUI comes first on
`sys.path` and this project last, and the pack is imported by file as `tooncrafter_pack`,
just as ComfyUI imports a pack from custom_nodes. Then

- `import nodes` is ComfyUI's;
- `tooncrafter_pack.nodes...` is ours;
- `tooncrafter_pack.tooncrafter_core...` is the core as the nodes see it, and plain
  `tooncrafter_core...` is the same modules, not a second copy: an alias sees to it, so
  `isinstance` and module state agree whichever name a test uses.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from comfyui.host import Host
from comfyui.inprocess import load_pack, parse_host_arguments, put_host_first

VARIABLE = "TOONCRAFTER_COMFYUI"
HERE = Path(__file__).resolve().parent

HOST_FOLDER = Path(os.environ[VARIABLE]).resolve() if os.environ.get(VARIABLE) else None
if HOST_FOLDER is None:
    collect_ignore_glob = ["test_*.py"]
    LOADED_PACK = None
else:
    put_host_first(HOST_FOLDER)
    parse_host_arguments()
    LOADED_PACK = load_pack()


def pytest_report_header() -> str:
    """Say which ComfyUI is under test, or why these tests do not run."""
    if HOST_FOLDER is None:
        return f"tests/comfyui is left out: {VARIABLE} is not set ('python dev.py test' sets it)"
    return f"ComfyUI under test: {HOST_FOLDER}"


@pytest.fixture(scope="session")
def pack() -> ModuleType:
    """This project as ComfyUI imports it."""
    if LOADED_PACK is None:
        pytest.skip("the project has no __init__.py, so there is no pack to load")
    return LOADED_PACK


@pytest.fixture(scope="session")
def pack_nodes(pack: ModuleType) -> dict[str, Any]:
    """The node classes of the pack by node id, from its entry point."""

    async def collect() -> list[Any]:
        extension = await pack.comfy_entrypoint()
        return await extension.get_node_list()

    return {node.define_schema().node_id: node for node in asyncio.run(collect())}


@pytest.fixture(scope="session")
def tiny(pack: ModuleType) -> Any:
    """MODEL, CLIP, CLIP_VISION and VAE of a tiny model with made-up weights: `HostModels`."""
    from support.host_models import tiny_models

    return tiny_models()


@pytest.fixture(scope="session")
def keyframes(pack: ModuleType) -> tuple[Any, Any]:
    """Two pictures of odd size."""
    from support.host_models import picture

    return picture(1, 70, 90), picture(2, 70, 90)


@pytest.fixture(scope="session")
def ready(tiny: Any, keyframes: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """positive, negative and LATENT of a clip of 4 frames at 64x64."""
    from support.host_models import run_keyframes

    return run_keyframes(tiny, *keyframes)


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A running ComfyUI with this pack and the probe nodes of these tests."""
    assert HOST_FOLDER is not None
    with Host(HOST_FOLDER, extra_packs=[HERE / "probe_pack"]) as running:
        yield running


@pytest.fixture(scope="session")
def stocked(host: Host) -> Host:
    """The running ComfyUI with tiny model files in its folders; see `support.model_files`."""
    from support.model_files import stock

    stock(host.base / "models")
    return host


@pytest.fixture(scope="session")
def pictures(keyframes: tuple[Any, Any]) -> tuple[Any, Any]:
    """The two keyframes as 8-bit arrays h w c."""
    first, last = ((frame[0] * 255).round().byte().numpy() for frame in keyframes)
    return first, last


@pytest.fixture(scope="session")
def images(host: Host, pictures: tuple[Any, Any]) -> tuple[str, str]:
    """The two keyframes in the input folder of the running ComfyUI, by name."""
    first, last = pictures
    return host.upload_image("first.png", first), host.upload_image("last.png", last)
