"""Tests against a real ComfyUI, the folder of which the variable TOONCRAFTER_COMFYUI names.

Two ways in, and a test may use both:

- `host` is a running server with the pack in it; prompts go to it over HTTP.
- `pack` is this project imported into the test process, beside ComfyUI's own modules.
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
import atexit
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from comfyui.host import Host
from comfyui.launch import PROJECT, prepare_base

VARIABLE = "TOONCRAFTER_COMFYUI"
PACK = "tooncrafter_pack"
CORE = "tooncrafter_core"
HERE = Path(__file__).resolve().parent


class AliasLoader(Loader):
    """Answers the import of one name with the module of another."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import the other module; remember its spec, which the import system overwrites."""
        module = importlib.import_module(self.target)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own spec back; it has run already."""
        module.__spec__ = self.spec


class CoreAlias(MetaPathFinder):
    """Makes the plain name of the core mean the pack's core."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Answer for the core and everything in it."""
        if fullname != CORE and not fullname.startswith(CORE + "."):
            return None
        return ModuleSpec(fullname, AliasLoader(f"{PACK}.{fullname}"))


def put_host_first(host: Path) -> None:
    """Let ComfyUI's modules win over ours on the search path."""
    ours = {str(PROJECT), ""}
    sys.path[:] = [str(host), *(entry for entry in sys.path if entry not in ours), str(PROJECT)]


def parse_host_arguments() -> None:
    """Let ComfyUI read a command line of ours: the CPU, and a base directory that goes away."""
    base = prepare_base(Path(tempfile.mkdtemp(prefix="comfyui-inprocess-")))
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    own_arguments = sys.argv
    sys.argv = ["main.py", "--cpu", "--base-directory", str(base)]
    try:
        importlib.import_module("comfy.options").enable_args_parsing()
        importlib.import_module("comfy.cli_args")
    finally:
        sys.argv = own_arguments


def load_pack() -> ModuleType | None:
    """Import the project by file under a name of its own."""
    entry = PROJECT / "__init__.py"
    if not entry.exists():
        return None
    spec = importlib.util.spec_from_file_location(
        PACK, entry, submodule_search_locations=[str(PROJECT)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACK] = module
    spec.loader.exec_module(module)
    sys.meta_path.insert(0, CoreAlias())
    return module


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
def host() -> Iterator[Host]:
    """A running ComfyUI with this pack and the probe nodes of these tests."""
    assert HOST_FOLDER is not None
    with Host(HOST_FOLDER, extra_packs=[HERE / "probe_pack"]) as running:
        yield running
