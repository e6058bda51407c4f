"""``--colour-lock`` of ``interpolate`` and ``cut``: keys to the level, nothing drawn again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from support.command_line import command, failure
from support.tiny import write_tiny
from tooncrafter_core.cli import cut, interpolate, main
from tooncrafter_core.interpolation.keyframes import fit_keyframes
from tooncrafter_core.interpolation.session import Session
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes


def pixels(path: Path) -> np.ndarray:
    """The levels of a picture."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(autouse=True)
def darkened(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a model: a cross-fade of the keys that is a tenth too dark."""

    def draw(_: Session, keyframes: Keyframes, settings: InterpolationSettings, *__: Any) -> Tensor:
        size = settings.width, settings.height
        first, last = fit_keyframes(keyframes, size, settings.fit, 1).pixels
        parts = torch.linspace(0, 1, settings.num_frames)
        return torch.stack([(torch.lerp(first, last, part) + 1) * 0.9 - 1 for part in parts])

    for module in (cut, interpolate):
        monkeypatch.setattr(module, "interpolate_with_progress", draw)


def write_keys(folder: Path) -> list[str]:
    """Three keys of the size that is drawn, of a few flat colours."""
    paths = []
    for number in (1, 2, 3):
        key = np.full((64, 64, 3), (90, 160, 220), np.uint8)
        key[40:] = 70, 130, 60
        key[16:56, 8 * number : 8 * number + 20] = 220, 80, 60
        paths.append(str(folder / f"A{number}.png"))
        Image.fromarray(key).save(paths[-1])
    write_tiny(folder / "tiny.safetensors")
    return paths


def test_interpolate_writes_the_keys_in_their_places_and_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, last, _ = write_keys(tmp_path)
    (tmp_path / "start.png").write_bytes(Path(first).read_bytes())
    (tmp_path / "end.png").write_bytes(Path(last).read_bytes())
    frames = tmp_path / "frames"
    asked = command(tmp_path, "--frames-dir", frames, "--colour-lock")
    assert main(asked) == 0
    report = tmp_path / "frames.colours.json"
    assert capsys.readouterr().out.split() == [str(frames), str(report)]
    assert (pixels(frames / "0001.png") == pixels(Path(first))).all()
    assert (pixels(frames / "0004.png") == pixels(Path(last))).all()
    found = json.loads(report.read_text())
    assert found["before"]["at_keys"] > 2 > 0.5 > found["after"]["at_keys"]
    # Nothing is drawn before all results are known to have a place.
    frames.joinpath("0001.png").unlink()
    for left in frames.iterdir():
        left.unlink()
    assert "frames.colours.json" in failure(capsys, asked)


def test_cut_locks_what_was_drawn_before_and_draws_nothing_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = write_keys(tmp_path)
    out = tmp_path / "out"
    asked = ["cut", "--keys", *keys, "--frames", "1,4,7", "-o", str(out), "--checkpoint",
             str(tmp_path / "tiny.safetensors"), "--width", "64", "--height", "64",
             "--steps", "1", "--quiet"]  # fmt: skip
    assert main(asked) == 0
    before = {path.name: pixels(path) for path in sorted((out / "frames").iterdir())}
    assert "colour_lock" not in json.loads((out / "cut.json").read_text())
    capsys.readouterr()

    assert main([*asked, "--colour-lock"]) == 0
    assert "is drawn" not in capsys.readouterr().out
    after = {path.name: pixels(path) for path in sorted((out / "frames").iterdir())}
    for number, key in zip((1, 4, 7), keys, strict=True):
        assert (after[f"{number:04d}.png"] == pixels(Path(key))).all()
    assert any((before[name] != after[name]).any() for name in before)
    locked = json.loads((out / "cut.json").read_text())["colour_lock"]
    assert [(row["segment"], row["clip"]) for row in locked] == [(1, "whole"), (2, "whole")]

    file = tmp_path / "cut.yaml"
    file.write_text("colour_lock: true\nframes: [1, 4, 7]\nkeys: [A1.png, A2.png, A3.png]\n")
    assert main(["cut", str(file), *asked[asked.index("-o") :]]) == 0
    for name, picture in after.items():
        assert (pixels(out / "frames" / name) == picture).all()


def test_halves_of_a_long_segment_are_locked_to_the_locked_middle(tmp_path: Path) -> None:
    keys = write_keys(tmp_path)[:2]
    out = tmp_path / "out"
    assert main(
        ["cut", "--keys", *keys, "--frames", "1,17", "-o", str(out), "--checkpoint",
         str(tmp_path / "tiny.safetensors"), "--width", "64", "--height", "64", "--steps", "1",
         "--quiet", "--colour-lock"]
    ) == 0  # fmt: skip
    locked = json.loads((out / "cut.json").read_text())["colour_lock"]
    assert [row["clip"] for row in locked] == ["whole", "1", "2"]
