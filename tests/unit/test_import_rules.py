"""Imports flow one way, and the core knows nothing of ComfyUI."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from support.imports import ROOT, imports, module_name, packages

CORE = "tooncrafter_core"

HOST_MODULES = {"comfy", "comfy_extras", "folder_paths", "latent_preview", "server", "nodes",
                "execution"}  # fmt: skip

FILES = sorted((ROOT / CORE).rglob("*.py"))
NEEDS_TRITON = {
    "attention_kernels",
    "upsampled_conv_kernels",
    "norm_kernels",
    "pointwise_kernels",
    "calls",
}
"""Read on a card only: Triton comes with torch for NVIDIA cards, and for no other."""

NODE_FILES = sorted((ROOT / "nodes").rglob("*.py"))


def relative_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=relative_id)
def test_core_never_imports_the_host_or_the_nodes(path: Path) -> None:
    found = set(packages(ast.walk(ast.parse(path.read_text("utf-8")))))
    assert not found & {*HOST_MODULES, "comfy_api"}
    assert ["nodes"] not in [target[:1] for target in imports(path)]


@pytest.mark.parametrize("path", [ROOT / "__init__.py", *NODE_FILES], ids=relative_id)
def test_only_the_bridge_imports_the_host(path: Path) -> None:
    if "bridge" not in path.parts:
        found = set(packages(ast.walk(ast.parse(path.read_text("utf-8")))))
        assert not found & HOST_MODULES


@pytest.mark.parametrize("path", FILES, ids=relative_id)
def test_heavy_packages_are_imported_only_where_they_are_used(path: Path) -> None:
    heavy = {"av", "PIL", "open_clip", "kornia", "tqdm", "torchvision", "transformers"}
    assert not heavy & set(packages(ast.parse(path.read_text("utf-8")).body))


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Blocked())
{statements}
heavy = {{"av", "PIL", "open_clip", "kornia", "torchvision", "transformers"}}  # torch has tqdm
print(sorted(heavy & set(sys.modules)))
"""


def run_blocked(statements: str) -> str:
    """Run statements in a fresh interpreter that has no ComfyUI; the heavy packages it loaded."""
    code = BLOCKED.format(blocked=sorted(HOST_MODULES | {"comfy_api"}), statements=statements)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_whole_core_is_imported_without_comfyui_and_without_heavy_packages() -> None:
    files = [path for path in FILES if path.stem not in NEEDS_TRITON]
    names = [".".join(module_name(path)).removesuffix(".__init__") for path in files]
    statements = "\n".join(f"import {name}" for name in names if not name.endswith("__main__"))
    assert run_blocked(statements) == "[]"


def test_the_command_line_parses_without_torch() -> None:
    statements = (
        "from tooncrafter_core.cli import build_parser\nbuild_parser()\n"
        "assert 'torch' not in sys.modules"
    )
    assert run_blocked(statements) == "[]"
