"""An episode whose run or workers are killed ends with the bits of one that was left alone."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.episodes import drawings_in, mixed_episode, write_mixed_episode
from support.imports import ROOT

pytestmark = pytest.mark.slow


def started(words: list[str]) -> "subprocess.Popen[bytes]":
    """The command, in a process of its own, each worker with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tooncrafter_core", *words]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def drawn(out: Path) -> Counter[tuple[str, int]]:
    """How often each segment was drawn, by the journal."""
    found: Counter[tuple[str, int]] = Counter()
    journal = out / "journal.jsonl"
    for line in journal.read_text().splitlines() if journal.exists() else ():
        try:
            row: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        if row.get("event") == "drawn":
            found[row["cut"], row["segment"]] += 1
    return found


def test_sixty_cuts_killed_ten_times_have_the_bits_of_those_left_alone(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    psutil = pytest.importorskip("psutil")
    cuts, damaged = write_mixed_episode(tmp_path, 60)
    whole, out = tmp_path / "whole", tmp_path / "out"
    times = {}
    for workers, folder in ((1, whole), (2, tmp_path / "two")):
        began = time.monotonic()
        assert started(mixed_episode(cuts, folder, "--workers", str(workers))).wait() == 2
        times[workers] = time.monotonic() - began
    expected = drawings_in(whole)
    assert len([name for name in expected if name.endswith(".csv")]) == 57
    assert drawings_in(tmp_path / "two") == expected
    moments, kills = random.Random(0), 0
    for number in range(60):
        before = sum(drawn(out).values())
        run = started(mixed_episode(cuts, out, "--workers", "2"))
        target = before + moments.randint(1, 12)
        while run.poll() is None and sum(drawn(out).values()) < target:
            time.sleep(0.02)
        if run.poll() is not None:
            assert run.returncode == 2
            break
        time.sleep(moments.uniform(0, 0.5))
        workers = psutil.Process(run.pid).children(recursive=True)
        if kills < 10 and number % 2 and workers:
            moments.choice(workers).send_signal(signal.SIGKILL)
            kills += 1
            # The others go on, and the one that is gone is made again.
            goal = sum(drawn(out).values()) + 3
            while run.poll() is None and sum(drawn(out).values()) < goal:
                time.sleep(0.02)
        if kills < 10:
            run.kill()
            run.wait()
            psutil.wait_procs(workers, timeout=60)
            kills += 1
        else:
            assert run.wait() == 2
    assert kills == 10
    assert drawings_in(out) == expected
    assert all(count == 1 for count in drawn(out).values())
    assert not [path for path in out.rglob("*.part*") if path.is_file()]
    page = (out / "report.html").read_text("utf-8")
    assert page.count('<article class="failed">') == len(damaged) == 3
    record_property("seconds by workers", {n: round(seconds) for n, seconds in times.items()})
