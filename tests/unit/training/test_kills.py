"""A run that is killed again and again ends with the weights of one that was not."""

import multiprocessing
import random
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from support.training import quick_run
from tooncrafter_core.training.outputs.checkpointing import CheckpointFolder

SETTINGS: dict[str, Any] = {
    "steps": 40, "batch_size": 2, "output__checkpoint_every": 1, "optimizer__ema_decay": 0.9,
}  # fmt: skip
"""A checkpoint after every step: many kills hit one that is being written."""

PRELOADED = ["support.training", "accelerate", "open_clip", "skia", "torch.utils.data"]


def train_in_child(folder: str, checkpoint: str, steps: int) -> None:
    """The child process."""
    torch.set_num_threads(1)
    quick_run("rectify", Path(folder), Path(checkpoint), **{**SETTINGS, "steps": steps})


def run_with_kills(folder: Path, checkpoint: Path, steps: int, kills: int, seed: int) -> int:
    """Train to the end, killed at random moments; how many kills hit a half-written checkpoint."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    rng = random.Random(seed)
    checkpoints = CheckpointFolder(folder / "checkpoints", keep=2)
    half_written = 0
    for number in range(kills + 1):
        child = context.Process(target=train_in_child, args=(str(folder), str(checkpoint), steps))
        child.start()
        if number < kills:
            _wait_for_steps(child, checkpoints, rng.randint(0, 1))
            time.sleep(rng.uniform(0, 0.4))
            child.kill()
        child.join()
        parts = list(checkpoints.folder.glob(".*.part"))
        half_written += bool(parts)
        # Whatever was hit, every checkpoint that has its name is whole.
        for step in checkpoints.steps():
            assert checkpoints.load(step).step == step
    assert child.exitcode == 0
    return half_written


def _wait_for_steps(child: Any, checkpoints: CheckpointFolder, more: int) -> None:
    """Wait until the child has made some checkpoints more."""
    last = max(checkpoints.steps(), default=0)
    while child.is_alive() and max(checkpoints.steps(), default=0) < last + more:
        time.sleep(0.002)


def check(tmp_path: Path, smallest: Path, steps: int, kills: int) -> int:
    hit = run_with_kills(tmp_path / "killed", smallest, steps, kills, seed=1)
    # In a child, too: another number of threads adds up in another order.
    run_with_kills(tmp_path / "whole", smallest, steps, kills=0, seed=1)
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    return hit


def test_a_killed_run_ends_with_the_same_bits(smallest: Path, tmp_path: Path) -> None:
    check(tmp_path, smallest, steps=6, kills=3)


@pytest.mark.slow
def test_thirty_kills_leave_no_broken_checkpoint(smallest: Path, tmp_path: Path) -> None:
    hit = check(tmp_path, smallest, steps=40, kills=30)
    # The test is only worth something when some kills came while a checkpoint was written.
    assert hit > 0
