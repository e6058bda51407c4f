"""What the demo says before it starts anything, and what it sets in an example."""

import argparse
from pathlib import Path

import pytest

from comfyui import demo
from comfyui.demo import demo_prompt, main
from comfyui.host import Prompt
from tooncrafter_core.config import embedded
from tooncrafter_core.config.embedded import MINI


@pytest.fixture(autouse=True)
def _no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "Host", None)


def test_a_checkout_without_the_weights_gets_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    assert main(["nowhere", "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "mini.safetensors is missing" in error and "complete checkout" in error
    assert not (tmp_path / "out").exists()


def test_a_drawing_that_is_not_there_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    (tmp_path / "mini.safetensors").touch()
    options = ["nowhere", "--out", str(tmp_path / "out"), "--first", "no_such.png"]
    assert main(options) == 1
    assert "no_such.png" in capsys.readouterr().err


def test_a_folder_with_frames_of_others_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "frames").mkdir()
    picture = tmp_path / "frames" / "mine.png"
    picture.write_text("mine")
    assert main(["nowhere", "--out", str(tmp_path)]) == 1
    assert "has a 'mine.png' of its own" in capsys.readouterr().err
    assert picture.read_text() == "mine"


def test_what_is_asked_for_is_set_in_every_node() -> None:
    prompt: Prompt = {
        "1": {"class_type": "ToonCrafterLoader", "inputs": {"checkpoint": "other"}},
        "2": {"class_type": "ToonCrafterKeyframes", "inputs": {"width": 512, "seed": 1}},
        "3": {"class_type": "SamplerCustom", "inputs": {"noise_seed": 1, "cfg": 1}},
    }
    options = argparse.Namespace(width=128, height=64, frames=8, steps=3, seed=5)
    made = demo_prompt(prompt, options)
    assert made["1"]["inputs"]["checkpoint"] == MINI
    assert made["2"]["inputs"] == {"width": 128, "height": 64, "frames": 8, "seed": 1}
    assert made["3"]["inputs"] == {"noise_seed": 5, "cfg": 1}
