"""What ComfyUI's registry shows of the pack and hands to people, from the files of the checkout."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.imports import ROOT
from support.registry import read_pyproject

SHIPPED_LIMIT = 31_000_000
"""Bytes. 26 million are the mini model's weights; texts in five languages take half a million."""
RAW = "https://raw.githubusercontent.com/"


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    """The project's description of itself."""
    return read_pyproject(ROOT)


def listed(*options: str) -> set[str]:
    """Files that git tracks, as paths of the project."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this is no git checkout: {done.stderr.strip()}")
    return {name for name in done.stdout.split("\0") if name}


@pytest.fixture(scope="module")
def shipped() -> set[str]:
    """What the registry takes: what git tracks and .comfyignore does not name."""
    left_out = listed("--cached", "--ignored", f"--exclude-from={ROOT / '.comfyignore'}")
    return listed() - left_out


def test_what_the_pack_needs_to_run_is_shipped(shipped: set[str]) -> None:
    tracked = listed()
    whole = ("nodes/", "tooncrafter_core/", "web/", "example_workflows/", "subgraphs/", "locales/")
    needed = {name for name in tracked if name.startswith(whole)}
    needed |= {
        "__init__.py",
        "pyproject.toml",
        "requirements.txt",
        "LICENSE",
        "NOTICE",
        "README.md",
    }
    needed.discard("locales/made_from.json")  # of translators
    assert not needed - shipped
    weights = {name for name in shipped if name.endswith("weights/mini.safetensors")}
    assert weights == {"tooncrafter_core/weights/mini.safetensors"}


def test_drawings_of_the_examples_are_shipped(shipped: set[str]) -> None:
    drawings = {f"docs/images/{path.name}" for path in (ROOT / "docs/images").glob("tooncrafter_*")}
    assert len(drawings) > 5 and drawings <= shipped


def test_tests_and_tools_are_not_shipped(shipped: set[str]) -> None:
    others = ("tests/", "benchmarks/", "devtools/", "dev.py", ".", "CONTRIBUTING.md")
    assert [name for name in sorted(shipped) if name.startswith(others)] == []


def test_the_package_is_small(shipped: set[str]) -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in shipped if (ROOT / name).is_file()}
    assert sum(sizes.values()) < SHIPPED_LIMIT


def test_the_registry_finds_all_that_it_asks_for(pyproject: dict[str, Any]) -> None:
    project, comfy = pyproject["project"], pyproject["tool"]["comfy"]
    assert "comfyui" not in project["name"].lower()
    assert project["urls"]["Repository"].startswith("https://github.com/")
    assert comfy["PublisherId"] and comfy["DisplayName"]
    assert comfy["requires-comfyui"] == ">=0.3.52"
    assert any(one.startswith("Operating System ::") for one in project["classifiers"])
    assert any(one.startswith("Environment :: GPU ::") for one in project["classifiers"])


def test_one_address_is_given_everywhere(pyproject: dict[str, Any]) -> None:
    address = pyproject["project"]["urls"]["Repository"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"git clone {address} " in readme and "ADDRESS" not in readme


@pytest.mark.parametrize(("field", "ratio", "widest"), [("Icon", 1, 400), ("Banner", 21 / 9, 2100)])
def test_pictures_of_the_registry_have_its_shapes(
    field: str, ratio: float, widest: int, pyproject: dict[str, Any]
) -> None:
    address = pyproject["project"]["urls"]["Repository"].removeprefix("https://github.com/")
    start = f"{RAW}{address}/main/"
    assert pyproject["tool"]["comfy"][field].startswith(start)
    path = ROOT / Path(pyproject["tool"]["comfy"][field].removeprefix(start))
    assert path.stat().st_size < 200_000
    with Image.open(path) as picture:
        assert picture.width == pytest.approx(picture.height * ratio, abs=1)
        assert picture.width <= widest
