"""What the example workflows and the blueprint say of their nodes, without the page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from browser.make_tiles import LAYOUTS
from browser.published_files import MODELS
from browser.tile_layouts import BYTE_LIMIT, SIZE, clip, grid
from support.imports import ROOT
from support.registry import read_pyproject

FILES = sorted([*ROOT.glob("example_workflows/*.json"), *ROOT.glob("subgraphs/*.json")])
NOTES = {"Note", "MarkdownNote"}


def nodes_of(path: Path) -> list[dict[str, Any]]:
    """The nodes of a workflow, those in its subgraphs included."""
    workflow = json.loads(path.read_text(encoding="utf-8"))
    subgraphs = workflow.get("definitions", {}).get("subgraphs", [])
    nodes = [*workflow["nodes"], *(node for one in subgraphs for node in one["nodes"])]
    return [node for node in nodes if node["type"] not in {*NOTES, *(s["id"] for s in subgraphs)}]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_node_names_the_pack_it_is_of(path: Path) -> None:
    project = read_pyproject(ROOT)["project"]
    nodes = nodes_of(path)
    assert len(nodes) >= 6
    for node in nodes:
        is_ours = node["type"].startswith("ToonCrafter")
        origin = node["properties"]["cnr_id"], node["properties"]["ver"]
        if is_ours:
            assert origin == (project["name"], project["version"])
        else:
            assert origin[0] == "comfy-core" and origin[1].count(".") == 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_loader_says_where_its_published_files_are(path: Path) -> None:
    nodes = nodes_of(path)
    loaders = [node for node in nodes if node["type"] in MODELS]
    assert any(node["type"] == "ToonCrafterLoader" for node in loaders)
    for node in nodes:
        assert node["properties"].get("models") == MODELS.get(node["type"])


def test_published_files_are_those_of_the_readme() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    files = [file for found in MODELS.values() for file in found]
    assert len(files) == 5
    for file in files:
        name, address, folder = file["name"], file["url"], file["directory"]
        repository, stored = address.removeprefix("https://huggingface.co/").split("/resolve/main/")
        [line] = [line for line in lines if line.startswith("| ") and f"| `{name}`" in line]
        assert f"`{folder}`" in line and f"`{repository}`" in line
        assert stored == name or f"`{stored}`" in line


def test_every_example_has_a_tile_of_what_it_draws() -> None:
    examples = {path.stem for path in ROOT.glob("example_workflows/*.json")}
    tiles = sorted(ROOT.glob("example_workflows/*.jpg"))
    assert {path.stem for path in tiles} == examples == LAYOUTS.keys()
    for path in tiles:
        assert path.stat().st_size <= BYTE_LIMIT
        with Image.open(path) as picture:
            assert picture.size == SIZE and picture.format == "JPEG"
    assert len({path.read_bytes() for path in tiles}) == len(tiles)


def test_a_tile_shows_the_clip_to_its_last_frame_with_every_key_framed() -> None:
    frames = [np.full((160, 256, 3), level, np.uint8) for level in range(0, 160, 10)]
    cells = clip(frames, (0, 10, 15), 9)
    levels = [int(cell.pixels[0, 0, 0]) for cell in cells]
    assert levels == sorted(levels) and len(set(levels)) == 9
    assert [n for n, cell in zip(levels, cells, strict=True) if cell.frame] == [0, 100, 150]
    tile = np.asarray(grid(cells, 3))
    for level in levels[1:]:
        assert (tile == level).all(-1).sum() > 100 * 150
