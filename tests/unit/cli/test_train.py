"""``train`` from the command line: what it says before it begins, and what it refuses."""

import shutil
from pathlib import Path

import pytest
import torch

from support.command_line import failure
from support.training import overrides, write_smallest
from tooncrafter_core.checkpoints import save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint, made_up_sketch_encoder
from tooncrafter_core.cli import main
from tooncrafter_core.cli import train as command_of_train
from tooncrafter_core.config.presets import TINY_SKETCH
from tooncrafter_core.training.stages import registry


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_smallest(tmp_path_factory.mktemp("smallest") / "smallest.safetensors")


def command(stage: str, folder: Path, checkpoint: Path | None, **changes: object) -> list[str]:
    settings = overrides(folder / "run", checkpoint, **changes)
    return ["train", stage, "--preset", "small", "--quiet", *settings]


def test_a_run_says_what_learns_and_prints_its_result(
    smallest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("rectify", tmp_path, smallest, steps=1)) == 0
    out, err = capsys.readouterr()
    assert Path(out.strip()) == tmp_path / "run" / "model.safetensors"
    assert "temporal" in err and "frozen" in err and "18 to train on, 2 held out" in err


def test_help_has_a_line_for_every_stage(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(command_of_train.STAGES) == set(registry.STAGES)
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name}: {what}" in shown for name, what in command_of_train.STAGES.items())


def test_the_unsettled_learning_rate_is_said_until_it_is_chosen(
    smallest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = overrides(tmp_path / "run", smallest, steps=0, learn="[]")
    untouched = [text for text in quick if not text.startswith("optimizer.learning_rate")]
    assert main(["train", "rectify", "--preset", "table3_i", *untouched]) == 0
    assert "unsettled: 1e-5 in the released configuration, 1e-6" in capsys.readouterr().err
    assert main(["train", "rectify", "--preset", "table3_i", *quick]) == 0
    assert "unsettled" not in capsys.readouterr().err


def test_show_prints_a_config_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sketch", "--show", f"out={tmp_path}"]) == 0
    text = capsys.readouterr().out
    assert "learning_rate: 5.0e-05" in text and "steps: 50000" in text
    file = tmp_path / "run.yaml"
    file.write_text(text)
    assert main(["train", "sketch", "--show", "--config", str(file)]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ("stage", "changes", "words"),
    [
        ("rectify", {"start__checkpoint": None}, "stage 'rectify' tunes a trained model"),
        ("sketch", {"start__checkpoint": None}, "stage 'sketch' guides a trained model"),
        ("decoder", {"start__checkpoint": None}, "stage 'decoder' goes on from a trained auto"),
        ("base", {"start__checkpoint": None, "start__model": None}, "nothing to begin with"),
        ("base", {"start__checkpoint": None, "start__model": "huge"}, "start.model is one"),
        ("base", {"start__fresh": "[unet]"}, "start.fresh names components, denoiser"),
        ("rectify", {"batch_size": 64}, "64 clips is larger than the data: there are 18"),
        ("rectify", {"data__clips": 1}, "only one clip to train on, 'cartoon-0'"),
        ("rectify", {"data__source": "folders"}, "Say where the folders are: data.path=FOLDER"),
        ("rectify", {"data__path": "x"}, "procedural clips come from no folder"),
        ("rectify", {"data__num_frames": 8, "data__drawn_frames": 4},
         "Every clip is too short: 8 frames"),
        ("rectify", {"machine__precision": "fp16"}, "fp16 trains on a GPU only"),
        ("rectify", {"machine__fsdp": True}, "several processes and there is one"),
        ("rectify", {"learn": "[temporal]"}, "allow_other_mixture=true"),
        ("rectify", {"data__width": 40}, "must be multiples of data.multiple, 16; not 40x32"),
        ("rectify", {"data__width": 40, "data__multiple": 8}, "must be multiples of 16"),
        ("rectify", {"data__look": "oil"}, "data.look is one of"),
        ("sketch", {"stage__tokens": "none"}, "stage.tokens is one of text, all"),
        ("rectify", {"stepz": 3}, "did you mean 'steps'"),
    ],
)  # fmt: skip
def test_bad_settings_are_one_sentence(
    stage: str, changes: dict[str, object], words: str, smallest: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert words in failure(capsys, command(stage, tmp_path, smallest, **changes))
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_reported(
    smallest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reported = failure(capsys, command("rectify", tmp_path, smallest, machine__device="cuda"))
    assert "asks for a GPU and there is none" in reported and "machine.device=cpu" in reported


def test_files_that_do_not_do_are_reported(
    smallest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sketch = tmp_path / "sketch.safetensors"
    save_checkpoint(made_up_sketch_encoder(TINY_SKETCH), sketch, config=TINY_SKETCH)
    assert "is a ToonCrafter sketch encoder; ToonCrafter needs" in failure(
        capsys, command("rectify", tmp_path, sketch)
    )
    assert "belongs to another model" in failure(
        capsys, command("sketch", tmp_path, smallest, start__sketch_encoder=sketch)
    )
    pruned = tmp_path / "pruned.safetensors"
    whole = made_up_checkpoint()
    kept = {k: whole[k] for k in whole if not k.startswith(("cond_stage", "embedder"))}
    save_checkpoint(kept, pruned)
    assert "Name it in start.text_encoder" in failure(capsys, command("rectify", tmp_path, pruned))
    assert (
        "no file" in failure(capsys, command("rectify", tmp_path, tmp_path / "none.ckpt")).lower()
    )


def test_empty_data_is_reported(
    smallest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "clips"
    empty.mkdir()
    for source, words in (("folders", "holds no pictures"), ("videos", "There is no video"),
                          ("shards", "no shard")):  # fmt: skip
        reported = failure(
            capsys,
            command("rectify", tmp_path, smallest, data__source=source, data__path=empty),
        )
        assert words in reported


def test_short_clips_are_left_out_with_a_warning(
    smallest: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import numpy as np
    from PIL import Image

    for clip, frames in (("a", 2), ("b", 5), ("c", 6)):
        for number in range(frames):
            folder = tmp_path / "clips" / clip
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((32, 32, 3), 40 * number, np.uint8)).save(
                folder / f"{number}.png"
            )
    arguments = command("rectify", tmp_path, smallest, steps=1, batch_size=2,
                        data__source="folders", data__path=tmp_path / "clips")  # fmt: skip
    assert main(arguments) == 0
    assert "1 of 3 clips are left out: they are too short for 4 frames" in caplog.text


def test_a_run_never_writes_over_its_weights_its_settings_or_other_files(
    smallest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    start = Path(shutil.copy(smallest, run / "model.safetensors"))
    reported = failure(capsys, command("rectify", tmp_path, start, steps=0))
    assert "out" in reported and f"would write over what is read from '{start}'" in reported
    reported = failure(capsys, command("rectify", tmp_path, smallest, steps=0))
    assert "has a 'model.safetensors' of its own" in reported
    start.unlink()
    settings = run / "settings.yaml"
    settings.write_text("# mine\nseed: 5\n")
    arguments = [*command("rectify", tmp_path, smallest, steps=0), "--config", str(settings)]
    assert "would write its settings over" in failure(capsys, arguments)
    assert settings.read_text().startswith("# mine")


def test_a_run_goes_on_by_its_own_settings(smallest: Path, tmp_path: Path) -> None:
    arguments = command("rectify", tmp_path, smallest, steps=0)
    assert main(arguments) == 0
    settings = tmp_path / "run" / "settings.yaml"
    assert main([*arguments, "--config", str(settings)]) == 0
