"""``convert`` writes safetensors, and the command line reports mistakes in one line."""

import shutil
from pathlib import Path

import pytest
import torch

from support.checkpoints import tiny_tensors, write_checkpoint
from support.command_line import failure
from tooncrafter_core.checkpoints import build_models, read_checkpoint
from tooncrafter_core.checkpoints.latent_colours import stored_latent_rgb
from tooncrafter_core.cli import COMMANDS, convert, main
from tooncrafter_core.config.presets import TINY


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_checkpoint(tiny_tensors(), tmp_path / "model.ckpt", "state_dict")


def test_whole_file_in_its_own_format(source: Path, tmp_path: Path) -> None:
    assert main(["convert", str(source), str(tmp_path / "out.safetensors")]) == 0
    found = read_checkpoint(tmp_path / "out.safetensors")
    assert set(found) == set(tiny_tensors())
    assert all(torch.equal(found[key], value) for key, value in tiny_tensors().items())
    assert found.metadata["tooncrafter.source"] == "model.ckpt"
    assert build_models(found).config == TINY


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("fp16", torch.float16), ("bf16", torch.bfloat16), ("fp32", torch.float32)],
)
def test_pruned_file_in_another_format(
    name: str, dtype: torch.dtype, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.safetensors"
    assert main(["convert", str(source), str(out), "--pruned", "--dtype", name]) == 0
    found = read_checkpoint(out)
    assert set(found) == set(tiny_tensors(with_encoders=False))
    models = build_models(found)
    assert models.text_encoder is None
    assert all(p.dtype == dtype for p in models.denoiser.parameters())
    assert found["betas"].dtype == torch.float32


def test_colours_of_previews_are_fitted_and_stay_with_the_weights(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "NUM_COLOUR_CLIPS", 1)
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    assert main(["convert", str(source), str(first), "--preview-colours"]) == 0
    found = stored_latent_rgb(read_checkpoint(first).metadata, 4)
    assert found is not None and len(found.factors) == 4
    assert main(["convert", str(first), str(second), "--dtype", "fp16"]) == 0
    assert stored_latent_rgb(read_checkpoint(second).metadata, 4) == found


def test_sketch_encoder_is_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sketch = {
        "input_hint_block.0.weight": torch.ones(16, 1, 3, 3),
        "zero_convs.0.0.weight": torch.ones(2, 2, 1, 1),
    }
    path = write_checkpoint(sketch, tmp_path / "sketch.ckpt", "state_dict")
    out = tmp_path / "sketch.safetensors"
    assert main(["convert", str(path), str(out), "--dtype", "fp16"]) == 0
    assert all(info.dtype == torch.float16 for info in read_checkpoint(out).info.values())
    assert main(["convert", str(path), str(tmp_path / "p.safetensors"), "--pruned"]) == 2
    assert "nothing to leave out" in capsys.readouterr().err


def test_an_incomplete_file_is_not_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = tiny_tensors()
    del tensors["first_stage_model.decoder.norm_out.bias"]
    path = write_checkpoint(tensors, tmp_path / "a.ckpt", "plain")
    assert main(["convert", str(path), str(tmp_path / "out.safetensors")]) == 2
    assert "does not fit the autoencoder" in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()


def test_an_existing_file_is_kept_unless_asked(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"old")
    assert main(["convert", str(source), str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err and out.read_bytes() == b"old"
    assert main(["convert", str(source), str(out), "--overwrite"]) == 0


def test_interruption_and_our_own_mistakes_have_exit_codes(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(error: BaseException) -> None:
        def run(_args: object) -> int:
            raise error

        monkeypatch.setattr(convert, "run", run)

    raising(KeyboardInterrupt())
    assert main(["convert", "a", "b"]) == 130
    raising(RuntimeError("ours"))
    with pytest.raises(RuntimeError, match="ours"):  # Python shows where and exits with 1
        main(["convert", "a", "b"])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and command in capsys.readouterr().out


def test_no_command_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2


def test_notes_are_kept_with_the_weights(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.safetensors"
    arguments = ["convert", str(source), str(out), "--note", "steps=20", "--note", "data=a=b, c"]
    assert main(arguments) == 0
    metadata = read_checkpoint(out).metadata
    assert metadata["tooncrafter.note.steps"] == "20"
    assert metadata["tooncrafter.note.data"] == "a=b, c"
    assert main([*arguments[:2], str(tmp_path / "b.safetensors"), "--note", "words"]) == 2
    assert "--note takes KEY=TEXT" in capsys.readouterr().err


def test_a_file_is_never_converted_over_itself(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "model.safetensors"
    shutil.copy(folder / "tiny.safetensors", source)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    before = source.read_bytes()
    other = tmp_path / "link" / "model.safetensors"
    reported = failure(capsys, ["convert", str(source), str(other), "--overwrite"])
    assert "would write over what is read" in reported and source.read_bytes() == before


@pytest.mark.parametrize("name", ["out.ckpt", "nowhere/out.safetensors", "-"])
def test_a_place_that_cannot_be_written_is_reported_before_the_file_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    reported = failure(capsys, ["convert", str(tmp_path / "missing.ckpt"), str(tmp_path / name)])
    assert "missing.ckpt" not in reported
