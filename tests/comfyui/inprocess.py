"""Imports ComfyUI and this pack into the running process, without either hiding the other."""

import atexit
import importlib
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from comfyui.launch import PROJECT, prepare_base

PACK = "tooncrafter_pack"
CORE = "tooncrafter_core"


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
