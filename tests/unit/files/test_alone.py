"""Two runs do not write into one folder, and what is left of a run keeps nobody out for long."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import failure
from support.films import encode, numbered
from tooncrafter_core.errors import OutputError
from tooncrafter_core.files import alone, alone_in, parts


def mark(folder: Path, machine: str, process: int, age: float = 0) -> Path:
    """What a run on a machine has put into a folder."""
    folder.mkdir(exist_ok=True)
    path = folder / f".tooncrafter-{machine}-{process}-0a1b2c.part"
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.fixture
def other() -> "subprocess.Popen[bytes]":
    """A process that lives as long as the test."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process  # type: ignore[misc]
    process.communicate()


def test_a_run_that_lives_keeps_others_out_and_is_named(
    tmp_path: Path, other: "subprocess.Popen[bytes]"
) -> None:
    left = mark(tmp_path, parts._MACHINE, other.pid, age=3600)
    with pytest.raises(OutputError, match=re.escape(f"remove '{left.name}' from it")):
        alone_in(tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == [left]


def test_a_run_of_another_machine_counts_as_gone_when_it_is_silent(tmp_path: Path) -> None:
    mark(tmp_path, "0" * 8, 1, age=alone.SILENT_AFTER + 60)
    with alone_in(tmp_path):
        pass
    mark(tmp_path, "0" * 8, 1, age=alone.SILENT_AFTER / 2)
    with pytest.raises(OutputError, match="Another run is at work"), alone_in(tmp_path):
        pass


def test_a_run_gives_signs_of_life_while_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "BEAT", 0.01)
    with alone_in(tmp_path):
        (mine,) = tmp_path.iterdir()
        os.utime(mine, (0, 0))
        until = time.monotonic() + 60
        while mine.stat().st_mtime < 1 and time.monotonic() < until:
            time.sleep(0.01)
        assert mine.stat().st_mtime > 1
    assert not list(tmp_path.iterdir())


def build(folder: Path, out: Path) -> list[str]:
    encode(folder / "a.mp4", numbered(30))
    return ["dataset", "build", str(folder / "a.mp4"), "-o", str(out), "--no-text", "--quiet"]


def compare(folder: Path, out: Path) -> list[str]:
    encode(folder / "a.mp4", numbered(16), codec="png", pixel_format="rgb24")
    sized = ["--width", "64", "--height", "48", "--methods", "cross-fade", "--quiet"]
    return ["evaluate", "compare", str(folder / "a.mp4"), "-o", str(out), *sized]


def train(folder: Path, out: Path) -> list[str]:
    small = ["data.num_frames=4", "data.width=64", "data.height=64", "batch_size=1", "steps=1"]
    return ["train", "autoencoder", f"out={out}", *small, "--quiet"]


@pytest.mark.parametrize("arguments", [build, compare, train])
def test_a_second_run_of_a_command_is_refused(
    arguments: Callable[[Path, Path], list[str]], other: "subprocess.Popen[bytes]",
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "out"
    words = arguments(tmp_path, out)
    left = mark(out, parts._MACHINE, other.pid)
    assert f"Another run is at work in '{out}'" in failure(capsys, words)
    assert list(out.iterdir()) == [left]
