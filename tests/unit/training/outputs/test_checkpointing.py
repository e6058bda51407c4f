"""Checkpoints are whole or not there, and say when they cannot be used."""

import os
from pathlib import Path

import pytest
import torch

from tooncrafter_core.errors import OutputError, TrainingError
from tooncrafter_core.files import parts
from tooncrafter_core.training.outputs import checkpointing
from tooncrafter_core.training.outputs.checkpointing import (
    CheckpointFolder,
    TrainingState,
    check_identity,
)


def state(step: int) -> TrainingState:
    key = "image_proj_model.proj_in.weight"
    return TrainingState(
        step=step,
        weights={key: torch.full((2, 3), float(step)), "critic.last.bias": torch.ones(1)},
        averages={key: torch.zeros(2, 3)},
        optimizer={f"{key}:exp_avg": torch.ones(2, 3), f"{key}:step": torch.tensor(float(step))},
        identity={"seed": 3},
    )


def test_a_checkpoint_reads_back_and_the_oldest_go(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "checkpoints", keep=2)
    for step in (5, 10, 15):
        folder.save(state(step))
    assert folder.steps() == [10, 15]
    found, wanted = folder.load(15), state(15)
    assert found.step == 15 and found.identity == {"seed": 3}
    for name in ("weights", "averages", "optimizer"):
        a, b = getattr(found, name), getattr(wanted, name)
        assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_a_checkpoint_that_holds_other_files_is_not_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = CheckpointFolder(tmp_path, keep=1)
    (folder.save(state(5)) / "why_it_is_good.txt").write_text("mine")
    (tmp_path / "step-best").mkdir()
    for step in (10, 15, 20):
        folder.save(state(step))
    assert folder.steps() == [5, 20] and (tmp_path / "step-best").is_dir()
    assert len(list(folder.path(5).iterdir())) == 5
    assert caplog.text.count("'why_it_is_good.txt'") == 1
    with pytest.raises(OutputError, match=r"why_it_is_good\.txt"):
        folder.save(state(5))
    assert (folder.path(5) / "why_it_is_good.txt").read_text() == "mine"


def test_a_save_that_is_cut_off_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CheckpointFolder(tmp_path, keep=2)
    folder.save(state(5))

    def cut(path: Path, _: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpointing, "write_json", cut)
    with pytest.raises(KeyboardInterrupt):
        folder.save(state(10))
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000005"]


def test_what_a_kill_left_half_written_is_not_taken_for_a_checkpoint(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=2)
    half = tmp_path / f".tooncrafter-{parts._MACHINE}-{os.getpid()}-0a1b2c.part"
    half.mkdir()
    (half / "weights.safetensors").write_bytes(b"half")
    assert folder.steps() == []
    folder.save(state(10))
    assert folder.steps() == [10] and not half.exists()


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "notes.json"])
def test_a_damaged_checkpoint_is_reported(name: str, tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=2)
    file = folder.save(state(5)) / name
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(TrainingError, match=r"step-00000005' cannot be read: .*Remove it to go on"):
        folder.load(5)


def test_what_was_read_stays_when_a_file_is_overwritten(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=2)
    path = folder.save(state(5))
    found = folder.load(5)
    for file in path.glob("*.safetensors"):
        content = file.read_bytes()
        file.write_bytes(content[:-8] + b"\xff" * 8)
    for name in ("weights", "averages", "optimizer"):
        kept, wanted = getattr(found, name), getattr(state(5), name)
        assert all(torch.equal(kept[key], wanted[key]) for key in wanted)


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        CheckpointFolder(tmp_path / "checkpoints", keep=1).save(state(1))


def test_another_run_is_reported_by_the_first_difference() -> None:
    check_identity({"a": 1}, {"a": 1}, Path("x"))
    with pytest.raises(TrainingError, match=r"begun with seed=1 and cannot go on with seed=2"):
        check_identity({"seed": 1, "z": 1}, {"seed": 2, "z": 2}, Path("x"))
