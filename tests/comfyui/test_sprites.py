"""ToonCrafter Sprite Sheet: what is saved reads back to the bit, timing by a sheet, bad input."""

import json
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import pytest
import torch
from tooncrafter_pack.nodes.cut.sprites import ToonCrafterSpriteSheet

from comfyui.host import Host
from support.exposure_sheets import NOTHING, document, xdts_bytes
from support.host_prompts import node
from support.refusals import assert_refused
from support.sprite_sheets import read_sprites


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ComfyUI's output folder, empty."""
    folder = tmp_path / "output"
    folder.mkdir()
    monkeypatch.setattr(folder_paths, "get_output_directory", lambda: str(folder))
    return folder


def batch(count: int = 3, channels: int = 4) -> torch.Tensor:
    """Pictures of a small part each on clear ground, at levels of a file."""
    levels = np.zeros((count, 12, 10, channels), np.uint8)
    for number, picture in enumerate(levels):
        picture[number : number + 4, 2:7] = np.random.default_rng(number).integers(
            1, 256, (4, 5, channels)
        )
    return torch.from_numpy(levels) / 255


def levels(pictures: torch.Tensor) -> np.ndarray:
    return (pictures * 255).round().to(torch.uint8).numpy()


def run(images: torch.Tensor, **changes: Any) -> Any:
    asked = {"filename_prefix": "sprites/walk", "fps": 12.0, "json": "aseprite-array",
             "trim": True, "loop": True, **changes}  # fmt: skip
    return ToonCrafterSpriteSheet.execute(images, **asked)


@pytest.mark.parametrize("format", [".png", ".webp"])
@pytest.mark.parametrize("form", ["aseprite-hash", "texturepacker-array"])
def test_the_saved_sheet_reads_back_to_the_bit(output: Path, format: str, form: str) -> None:
    images = batch()
    result = run(images, format=format, json=form)
    sheet, mask, text, name = result.args
    assert name == f"sprites/walk{format}"
    saved = output / name
    assert saved.with_suffix(".json").read_text(encoding="utf-8") == text
    _, drawings = read_sprites(saved)
    assert np.array_equal(np.stack(drawings), levels(images))
    assert sheet.shape == (*mask.shape, 3)
    size = json.loads(text)["meta"]["size"]
    assert mask.shape == (1, size["h"], size["w"])
    record = {"filename": f"walk{format}", "subfolder": "sprites", "type": "output"}
    assert result.ui == {"images": [record]}


def test_a_mask_is_the_alpha_and_a_single_one_counts_for_all(output: Path) -> None:
    images = batch()
    masks = 1 - images[..., 3]
    _, drawings = read_sprites(output / run(images[..., :3], mask=masks, trim=False).args[3])
    assert np.array_equal(np.stack(drawings), levels(images))
    _, drawings = read_sprites(output / run(images, mask=masks[1:2], trim=False).args[3])
    assert all(np.array_equal(made[..., 3], levels(images)[1, ..., 3]) for made in drawings)


def test_a_sheet_says_when_each_is_shown(output: Path) -> None:
    cells = {0: "b", 3: "a", 4: NOTHING}
    text = xdts_bytes(document([("A", cells)], 6)).decode()
    saved = output / run(batch(2), sheet=text, names="a\nb", fps=10.0).args[3]
    entries, drawings = read_sprites(saved)
    assert [entry["filename"] for entry in entries] == ["b.png", "a.png", "nothing"]
    assert [entry["duration"] for entry in entries] == [300, 100, 200]
    assert np.array_equal(drawings[0], levels(batch(2))[1])
    assert not drawings[2].any()


def test_neither_of_the_two_files_is_overwritten(output: Path) -> None:
    (output / "sprites").mkdir()
    (output / "sprites" / "walk.json").write_text("mine")
    names = [run(batch()).args[3] for _ in range(2)]
    assert names == ["sprites/walk_2.png", "sprites/walk_3.png"]
    assert (output / "sprites" / "walk.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": batch()[..., 0]}, ["images has the shape", "three channels"]),
        ({"images": batch()[:0]}, ["(0, 12, 10, 4)"]),
        ({"images": torch.full((1, 4, 4, 3), float("nan"))}, ["not numbers"]),
        ({"mask": torch.zeros(3, 5, 5)}, ["mask has the shape", "same size", "empty one of 64x64"]),
        ({"names": "a\nb"}, ["2 names for 3 pictures"]),
        ({"max_size": 8}, ["8x8", "smaller"]),
        ({"json": "unity"}, ["aseprite-array"]),
        ({"format": ".jpg"}, [".png, .webp"]),
        ({"fps": 0.0}, ["fps"]),
        ({"filename_prefix": "../walk"}, ["output folder"]),
        ({"sheet": "words"}, ["sheet"]),
    ],
)
def test_what_cannot_be_laid_out_is_said_and_nothing_is_saved(
    output: Path, changes: dict[str, Any], words: list[str]
) -> None:
    given: dict[str, Any] = {"images": batch(), **changes}
    assert_refused(lambda: run(**given), *words)
    assert list(output.rglob("*.*")) == []


def test_the_node_runs_in_a_server(host: Host) -> None:
    prompt: dict[str, Any] = {
        "1": node("EmptyImage", width=24, height=16, batch_size=4, color=0x4080C0),
        "2": node("ToonCrafterSpriteSheet", images=["1", 0], filename_prefix="sprites/server",
                  fps=12.0, json="aseprite-array", trim=False, loop=True),
        "3": node("SaveImage", images=["2", 0], filename_prefix="sprite_sheet"),
    }  # fmt: skip
    result = host.run(prompt)
    assert result.status == "success", (result.error, result.validation)
    entries, drawings = read_sprites(host.base / "output" / "sprites" / "server.png")
    assert len(entries) == 4
    assert all((drawing == (0x40, 0x80, 0xC0, 255)).all() for drawing in drawings)
    # Four equal drawings lie there once.
    assert {entry["frame"]["x"] for entry in entries} == {0}
