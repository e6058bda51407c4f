"""Two processes give what one gives, started as people start them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from support.training import overrides, read_log

ROOT = Path(__file__).parents[3]
DECODER = {"stage__critic": 0.5, "stage__critic_channels": 4}


def launch(processes: int, stage: str, folder: Path, checkpoint: Path, **changes: object) -> Path:
    """Run a stage in a process of its own, or in several by torch's launcher."""
    settings = overrides(folder, checkpoint, **changes)
    command = ["-m", "tooncrafter_core", "train", stage, "--preset", "small", "--quiet", *settings]
    if processes > 1:
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node",
                   str(processes), *command]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=False,
                          capture_output=True, text=True, timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"at a time in each of {processes} processes" in done.stderr
    return next(folder.glob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "changes"), [("rectify", {}), ("decoder", DECODER)])
def test_two_processes_have_the_loss_curve_of_one(
    stage: str, changes: dict[str, object], smallest: Path, tmp_path: Path
) -> None:
    one = launch(1, stage, tmp_path / "one", smallest, **changes)
    two = launch(2, stage, tmp_path / "two", smallest, **changes)
    for a, b in zip(read_log(tmp_path / "one"), read_log(tmp_path / "two"), strict=True):
        # A quotient of two gradients' norms, in which rounding counts more than in the losses.
        weights = [dict(line).pop("critic_weight", 0.0) for line in (a, b)]
        assert weights[0] == pytest.approx(weights[1], rel=1e-2)
        assert a == pytest.approx({**b, **{k: a[k] for k in a if k == "critic_weight"}}, rel=1e-3)
    a, b = load_file(one), load_file(two)
    # AdamW's first steps have the size of the learning rate, whatever the gradient's: where that
    # is nearly zero, rounding decides the direction.
    assert all(torch.allclose(a[key], b[key], atol=4 * 1e-3 * 1.01) for key in a)
    distance = sum(float((a[key] - b[key]).square().sum()) for key in a) ** 0.5
    start = load_file(smallest)
    moved = sum(float((a[key] - start[key]).square().sum()) for key in a) ** 0.5
    assert distance < 0.01 * moved


@pytest.mark.slow
def test_weights_spread_over_processes_learn_the_same(smallest: Path, tmp_path: Path) -> None:
    changes = {"optimizer__ema_decay": 0.9, "output__sheet_every": 4, "output__validate_every": 2}
    one = launch(1, "rectify", tmp_path / "one", smallest, **changes)
    launch(2, "rectify", tmp_path / "two", smallest, machine__fsdp=True, steps=2, **changes)
    # Stopped after two steps and gone on with: the checkpoint is in one piece.
    two = launch(2, "rectify", tmp_path / "two", smallest, machine__fsdp=True, **changes)
    for a, b in zip(read_log(tmp_path / "one"), read_log(tmp_path / "two"), strict=True):
        assert a == pytest.approx(b, rel=1e-3)
    a, b, start = load_file(one), load_file(two), load_file(smallest)
    assert {k: v.shape for k, v in a.items()} == {k: v.shape for k, v in b.items()}
    distance = sum(float((a[key] - b[key]).square().sum()) for key in a) ** 0.5
    moved = sum(float((a[key] - start[key]).square().sum()) for key in a) ** 0.5
    assert distance < 0.01 * moved
    sheets = [(tmp_path / name / "sheets" / "step-00000004.png") for name in ("one", "two")]
    assert all(sheet.exists() for sheet in sheets)
