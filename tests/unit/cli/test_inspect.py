"""``inspect`` says what a file holds and what it lacks."""

from pathlib import Path

import pytest
import torch

from support.checkpoints import tiny_tensors, write_checkpoint
from tooncrafter_core.cli import main


def test_full_checkpoint_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_checkpoint(tiny_tensors(), tmp_path / "model.ckpt", "state_dict")
    assert main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "model.ckpt: torch checkpoint" in out
    assert "those of tiny" in out and "model_channels 32" in out and "channel_mult 1/2/2/2" in out
    for title in ("denoiser", "image projector", "autoencoder", "text encoder", "image encoder"):
        assert f"{title}: complete" in out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("schedule (ignored)")]
    assert row[2:4] == ["13", "13,400"] and row[4] == "float32"


def test_pruned_checkpoint_names_where_the_encoders_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = tiny_tensors(dtype=torch.float16, with_encoders=False)
    path = write_checkpoint(tensors, tmp_path / "a.safetensors", "safetensors")
    assert main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "text encoder: not in this file. It is complete in model.ckpt" in out
    assert "float16" in out and "text_encoder:" not in out


def test_incomplete_checkpoint_lists_every_component_that_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = tiny_tensors()
    del tensors["image_proj_model.layers.1.0.norm1.weight"]
    del tensors["first_stage_model.decoder.norm_out.bias"]
    path = write_checkpoint(tensors, tmp_path / "a.ckpt", "plain")
    assert main(["inspect", str(path)]) == 1
    out = capsys.readouterr().out
    assert "image projector: DOES NOT FIT, of 29 tensors 1 missing" in out
    assert "autoencoder: DOES NOT FIT" in out and "denoiser: complete" in out


def test_other_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sketch = {
        "input_hint_block.0.weight": torch.zeros(16, 1, 3, 3),
        "zero_convs.0.0.weight": torch.zeros(1),
    }
    path = write_checkpoint(sketch, tmp_path / "sketch.ckpt", "plain")
    assert main(["inspect", str(path)]) == 0
    assert "sketch encoder" in capsys.readouterr().out
    clip = {"text_model.embeddings.token_embedding.weight": torch.zeros(3, 768)}
    path = write_checkpoint(clip, tmp_path / "clip.safetensors", "safetensors")
    assert main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "text encoder: ViT-L" in out and "needs ViT-H" in out
    vae = {"encoder.conv_in.weight": torch.zeros(1), "decoder.conv_in.weight": torch.zeros(1)}
    path = write_checkpoint(vae, tmp_path / "vae.safetensors", "safetensors")
    assert main(["inspect", str(path)]) == 2
    captured = capsys.readouterr()
    assert "other" in captured.out and "is a VAE alone" in captured.err


def test_a_bad_file_is_one_line_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.safetensors").write_text("Not found")
    assert main(["inspect", str(tmp_path / "a.safetensors")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: a.safetensors holds text")
    assert captured.err.count("\n") == 1
