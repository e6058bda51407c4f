"""A cut that is killed at any moment is continued by the same command, to the same bits."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.imports import ROOT
from support.tiny import write_tiny


def test_a_cut_that_is_killed_three_times_has_the_bits_of_one_that_was_not(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, 3)


@pytest.mark.slow
def test_a_cut_that_is_killed_thirty_times_has_the_bits_of_one_that_was_not(
    tmp_path: Path,
) -> None:
    kill_and_compare(tmp_path, 30)


def kill_and_compare(folder: Path, kills: int) -> None:
    """Kill as many runs, each of a cut of its own, and continue each."""
    keys = folder / "keys"
    keys.mkdir()
    for number in (1, 2, 3):
        pixels = np.random.RandomState(number).randint(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(keys / f"A{number}.png")
    write_tiny(folder / "tiny.safetensors")
    began = time.monotonic()
    assert started(folder, folder / "whole").wait() == 0
    seconds = time.monotonic() - began
    expected = results(folder / "whole")
    assert len(expected) == 5 + 10 + 4
    moments = random.Random(kills)
    killed = 0
    for number in range(kills):
        # The first third of a run is imports; there is nothing to lose yet.
        run = started(folder, folder / f"out{number}")
        try:
            run.wait(timeout=seconds * moments.uniform(0.3, 1))
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            killed += 1
        again = started(folder, folder / f"out{number}")
        assert again.wait() == 0, number
        assert results(folder / f"out{number}") == expected, number
        parts = [path for path in (folder / f"out{number}").rglob("*.part*") if path.is_file()]
        assert parts == [], number
    # A run may end before its moment, but not every one.
    assert killed


def started(folder: Path, out: Path) -> "subprocess.Popen[bytes]":
    """The command, in a process of its own."""
    options = ["--keys", folder / "keys", "--checkpoint", folder / "tiny.safetensors", "-o", out,
               "--frames", "1,5,9", "--on", "2", "--width", "64", "--height", "64", "--steps", "1",
               "--format", "apng", "--quiet"]  # fmt: skip
    command = [sys.executable, "-m", "tooncrafter_core", "cut", *map(str, options)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def results(out: Path) -> dict[str, bytes]:
    """Every drawing, frame, sheet and film; the seconds in the other files differ."""
    found = [*out.glob("drawings/*"), *out.glob("frames/*"), out / "cut.apng", out / "cut.csv",
             out / "cut.xdts"]  # fmt: skip
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in found}
    page = (out / "report.html").read_text("utf-8")
    return {**files, "drawings": b"%d" % page.count("<figure")}
