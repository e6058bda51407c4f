"""What is asked of pip: every package that the nodes and the command line import, and no torch."""

import ast
import json
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.imports import ROOT, imported_files, packages

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
REQUIREMENTS = ROOT / "requirements.txt"

ENTRIES = [
    *sorted((ROOT / "nodes").rglob("*.py")),
    *(ROOT / "tooncrafter_core" / "cli" / f"{name}.py"
      for name in ("__init__", "interpolate", "inspect", "convert")),
]  # fmt: skip
"""Where people come in: ComfyUI, and the commands that draw, look at files and write them."""
HAS_AN_EXTRA = (ROOT / "tooncrafter_core" / "data",)
"""`convert --preview-colours` draws clips, and names the extra that it needs."""
COMES_WITH_COMFYUI = {"comfy", "comfy_api", "comfy_execution", "folder_paths", "latent_preview"}
COMES_WITH_TORCH = {"torch", "triton", "typing_extensions"}
DISTRIBUTIONS = {"PIL": "Pillow", "open_clip": "open_clip_torch", "yaml": "PyYAML"}
"""Of packages that are imported by another name than they are installed by."""

OF_COMFYUI = {
    "av": "14.2.0", "einops": "0.6.1", "kornia": "0.7.1", "numpy": "1.25.0", "pillow": "10.0",
    "pyyaml": "6.0",
    "safetensors": "0.4.2", "tqdm": "4.60", "torch": "2.7.1+cu128", "torchvision": "0.22.1+cu128",
}  # fmt: skip
"""What a ComfyUI 0.3.52 asks for at least, and a build of torch that no index has."""


def wanted() -> list[Requirement]:
    """The lines of requirements.txt."""
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS.read_text("utf-8").splitlines())
    return [Requirement(line) for line in lines if line]


def test_both_lists_are_the_same() -> None:
    [listed] = re.findall(r"^dependencies = (\[.*?^\])", PYPROJECT, re.MULTILINE | re.DOTALL)
    assert ast.literal_eval(listed) == [str(one) for one in wanted()]


def test_the_list_names_every_package_that_is_imported_and_no_other() -> None:
    files = imported_files(ENTRIES, HAS_AN_EXTRA)
    imported = {
        name for path in files for name in packages(ast.walk(ast.parse(path.read_text("utf-8"))))
    }
    others = imported - sys.stdlib_module_names - COMES_WITH_COMFYUI - COMES_WITH_TORCH
    assert others == {
        next((name for name, sold in DISTRIBUTIONS.items() if sold == one.name), one.name)
        for one in wanted()
    }


def test_nothing_newer_is_asked_for_than_the_oldest_comfyui_asks_for() -> None:
    newer = [
        one.name
        for one in wanted()
        if (version := OF_COMFYUI.get(canonicalize_name(one.name)))
        and not one.specifier.contains(version)
    ]
    assert not newer


def test_pip_installs_it_into_a_comfyui_and_replaces_nothing(tmp_path: Path) -> None:
    installed = planned(tmp_path)
    assert {"omegaconf", "open-clip-torch"} <= installed
    assert not installed & OF_COMFYUI.keys()


def planned(folder: Path) -> set[str]:
    """What pip would install into an environment that holds what ComfyUI asks for."""
    place = folder / "environment"
    venv.create(place, with_pip=False, symlinks=sys.platform != "win32")
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    for name, version in OF_COMFYUI.items():
        stub = Path(site.strip()) / f"{name}-{version}.dist-info"
        stub.mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (stub / "METADATA").write_text(text, encoding="utf-8")
        (stub / "RECORD").write_text("", encoding="utf-8")
        (stub / "INSTALLER").write_text("pip\n", encoding="utf-8")
    report = folder / "report.json"
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", f"--python={python}",
        "--retries=1", "--timeout=20", "install", "--dry-run", f"--report={report}",
        f"--requirement={REQUIREMENTS}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "connection" in done.stderr.lower() and done.returncode:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {canonicalize_name(one["metadata"]["name"]) for one in found}
