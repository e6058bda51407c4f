"""Runs of every kind: their curves, their results, and going on after a stop."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from support.training import quick_config, quick_run, read_log
from tooncrafter_core.checkpoints import build_models, read_checkpoint
from tooncrafter_core.errors import OutputError, TrainingError
from tooncrafter_core.sketches.guidance import load_sketch_encoder
from tooncrafter_core.training.loop.loop import Trainer
from tooncrafter_core.training.loop.optimization import learning_rate
from tooncrafter_core.training.settings.config import OptimizerConfig

CURVES = json.loads((Path(__file__).parent / "data" / "curves.json").read_text())
"""The loss of each step by stage, recorded when the stage agreed with its float64 twin."""

STAGES: dict[str, dict[str, Any]] = {
    "base": {},
    "rectify": {},
    "sketch": {},
    "autoencoder": {
        "stage__crop_width": 0,
        "stage__crop_height": 0,
        "data__drawn_frames": None,
        "data__look": "live",
        "optimizer__betas": [0.9, 0.999],
        "optimizer__weight_decay": 0.01,
        "optimizer__schedule": "cosine",
    },
    "decoder": {"stage__critic": 0.5, "stage__critic_channels": 4},
}


@pytest.mark.parametrize("stage", STAGES)
def test_losses_are_the_recorded_ones(stage: str, smallest: Path, tmp_path: Path) -> None:
    quick_run(stage, tmp_path, smallest, steps=6, output__checkpoint_every=6, **STAGES[stage])
    losses = [line["model_loss"] for line in read_log(tmp_path)]
    assert losses == pytest.approx(CURVES[stage], rel=2e-3)


def test_a_falling_rate_reaches_its_end_with_the_run_or_with_its_own_steps() -> None:
    falling = OptimizerConfig(learning_rate=1.0, schedule="cosine")
    assert learning_rate(falling, 50, 101) == pytest.approx(0.505)
    assert learning_rate(falling, 100, 101) == pytest.approx(0.01)
    longer = OptimizerConfig(learning_rate=1.0, schedule="cosine", schedule_steps=201)
    assert learning_rate(longer, 100, 101) == pytest.approx(0.505)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stopped_run_goes_on_to_the_same_bits(
    stage: str, smallest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {**STAGES[stage], "optimizer__ema_decay": 0.9, "optimizer__schedule": "cosine"}
    whole = quick_run(stage, tmp_path / "whole", smallest, steps=5, **changes)

    def stop(trainer: Trainer, parts: object, step=Trainer._step) -> None:  # noqa: ANN001
        if trainer.step == 3:
            raise KeyboardInterrupt
        step(trainer, parts)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", stop)
        with pytest.raises(KeyboardInterrupt):
            quick_run(stage, tmp_path / "parts", smallest, steps=5, **changes)
    # Steps after the last checkpoint are logged again, not twice.
    assert [line["step"] for line in read_log(tmp_path / "parts")] == [1, 2, 3]
    parts = quick_run(stage, tmp_path / "parts", smallest, steps=5, **changes)
    a, b = load_file(whole), load_file(parts)
    assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    assert read_log(tmp_path / "parts") == read_log(tmp_path / "whole")


def test_results_load_as_published_files_do(smallest: Path, tmp_path: Path) -> None:
    model = quick_run("rectify", tmp_path / "model", smallest, steps=1)
    checkpoint = read_checkpoint(model)
    assert set(checkpoint) == set(read_checkpoint(smallest))
    assert build_models(checkpoint).config == build_models(read_checkpoint(smallest)).config
    sketch = quick_run("sketch", tmp_path / "sketch", smallest, steps=1)
    assert load_sketch_encoder(read_checkpoint(sketch)).config.model_channels == 8


def test_parts_of_a_batch_give_the_steps_of_the_whole(smallest: Path, tmp_path: Path) -> None:
    """Losses after real steps; gradients where no step has made rounding larger.

    The optimizer divides each gradient by its own size, so that a weight whose gradient is next to
    nothing moves by a whole step whichever way it was rounded. With steps of next to nothing the
    weights are the same, and gradients differ by the order of sums alone.
    """
    for name, rate, compared in (
        ("steps", 1e-3, ("step", "model_loss")),
        ("still", 1e-12, ("step", "model_loss", "model_gradient_norm")),
    ):
        logs = []
        for part in (None, 1):
            folder = tmp_path / f"{name}_{part}"
            quick_run("rectify", folder, smallest, machine__micro_batch=part,
                      optimizer__learning_rate=rate)  # fmt: skip
            logs.append([[line[key] for key in compared] for line in read_log(folder)])
        assert len(logs[0]) == 4
        for whole, parts in zip(*logs, strict=True):
            assert whole == pytest.approx(parts, rel=1e-4)


def test_prepared_clips_give_the_losses_of_their_pictures(smallest: Path, tmp_path: Path) -> None:
    quick_run("rectify", tmp_path / "a", smallest, data__variants=1)
    reported = {"data__variants": 1, "data__prepare": True}
    quick_run("rectify", tmp_path / "b", smallest, **reported)
    a, b = ([line["model_loss"] for line in read_log(tmp_path / name)] for name in "ab")
    # They are kept in half precision.
    assert a == pytest.approx(b, rel=1e-2) and a != b
    files = list((tmp_path / "b" / "prepared" / "0").iterdir())
    assert len(files) == 18
    times = {file: file.stat().st_mtime_ns for file in files}
    files[0].unlink()
    quick_run("rectify", tmp_path / "b", smallest, steps=5, **reported)
    kept = {file: file.stat().st_mtime_ns for file in files}
    assert [file for file in files if kept[file] != times[file]] == files[:1]
    with pytest.raises(TrainingError, match=r"needs data\.variants"):
        quick_run("rectify", tmp_path / "c", smallest, data__prepare=True)
    with pytest.raises(TrainingError, match="'decoder' needs the pictures themselves"):
        quick_run("decoder", tmp_path / "d", smallest, **reported)
    with pytest.raises(TrainingError, match="other clips or weights than this run's"):
        quick_run("rectify", tmp_path / "b", smallest, data__flip=True, **reported)


def test_computing_activations_again_changes_nothing(smallest: Path, tmp_path: Path) -> None:
    a = quick_run("rectify", tmp_path / "kept", smallest, steps=2)
    b = quick_run("rectify", tmp_path / "again", smallest, steps=2,
                  machine__checkpoint_activations=True)  # fmt: skip
    a, b = load_file(a), load_file(b)
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("frozen", ["bf16", "fp16"])
def test_bf16_stays_near_fp32_and_keeps_float32_weights(
    frozen: str, smallest: Path, tmp_path: Path
) -> None:
    quick_run("rectify", tmp_path / "fp32", smallest)
    result = quick_run("rectify", tmp_path / "bf16", smallest, machine__precision="bf16",
                       machine__frozen_precision=frozen, output__sheet_every=4)  # fmt: skip
    a, b = ([line["model_loss"] for line in read_log(tmp_path / name)] for name in ("fp32", "bf16"))
    assert a == pytest.approx(b, rel=0.05) and a != b
    assert {one.dtype for one in read_checkpoint(result).info.values()} == {torch.float32}


def test_averaged_weights_are_published_and_the_raw_ones_are_kept(
    smallest: Path, tmp_path: Path
) -> None:
    raw = load_file(quick_run("rectify", tmp_path / "raw", smallest, optimizer__ema_decay=None))
    averaged = load_file(quick_run("rectify", tmp_path / "ema", smallest, optimizer__ema_decay=0.9))
    kept = load_file(tmp_path / "ema" / "checkpoints" / "step-00000004" / "weights.safetensors")
    key = "image_proj_model.proj_in.weight"
    assert torch.equal(raw[key], kept[key])
    before = load_file(smallest)[key]
    assert 0 < (averaged[key] - before).norm() < (raw[key] - before).norm()


def test_sheets_held_out_losses_and_tensorboard_are_written(smallest: Path, tmp_path: Path) -> None:
    quick_run("rectify", tmp_path, smallest, steps=2, output__sheet_every=2,
              output__validate_every=1, output__tensorboard=True)  # fmt: skip
    held_out = [line for line in read_log(tmp_path) if "held_out_mse" in line]
    assert [line["step"] for line in held_out] == [1, 2]
    from PIL import Image

    # Two clips, each with its true and its drawn row of four frames, and a gap after each.
    with Image.open(tmp_path / "sheets" / "step-00000002.png") as sheet:
        assert sheet.size == (4 * 34, 2 * 2 * 34)
    assert list((tmp_path / "tensorboard").iterdir())


def test_table_3_i_writes_the_weights_it_was_given(smallest: Path, tmp_path: Path) -> None:
    result = quick_run("rectify", tmp_path, smallest, steps=0, learn="[]")
    a, b = load_file(smallest), load_file(result)
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_run_does_not_go_on_as_another(smallest: Path, tmp_path: Path) -> None:
    quick_run("rectify", tmp_path, smallest, steps=2)
    with pytest.raises(TrainingError, match=r"begun with seed=0 and cannot go on with seed=1"):
        quick_run("rectify", tmp_path, smallest, steps=4, seed=1)
    with pytest.raises(TrainingError, match=r"begun with batch_size=4 .* batch_size=2"):
        quick_run("rectify", tmp_path, smallest, steps=4, batch_size=2)


def test_a_full_disk_is_reported_and_the_last_checkpoint_kept(
    smallest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from tooncrafter_core.training.outputs import checkpointing

    optimizers: list[Path] = []

    def full(tensors: object, path: Path, **_: object) -> None:
        optimizers.extend([path] if path.name == "optimizer.safetensors" else [])
        if len(optimizers) == 2:  # of steps 2 and 4
            raise OSError(errno.ENOSPC, "No space left on device")
        save(tensors, path)  # type: ignore[arg-type]

    save = checkpointing.save_checkpoint
    monkeypatch.setattr(checkpointing, "save_checkpoint", full)
    with pytest.raises(OutputError, match=r"step 4 could not be written, the one of step 2 is ke"):
        quick_run("rectify", tmp_path, smallest)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]
    monkeypatch.undo()
    assert quick_run("rectify", tmp_path, smallest).exists()


def test_a_loss_that_is_no_number_names_step_clips_and_cause(
    smallest: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"of step [2-9] is not a number, with the clips live"
                       r"-\d+, .*learning rate"):  # fmt: skip
        quick_run("base", tmp_path, smallest, steps=20, optimizer__learning_rate=1e30,
                  optimizer__clip_norm=None)  # fmt: skip


def test_the_settings_are_kept_with_the_result(smallest: Path, tmp_path: Path) -> None:
    quick_run("rectify", tmp_path, smallest, steps=1, seed=7)
    text = (tmp_path / "settings.yaml").read_text()
    assert "seed: 7" in text
    assert quick_config("rectify", tmp_path, smallest, seed=7).seed == 7
