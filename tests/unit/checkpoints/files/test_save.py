"""What is written reads back equal, and nothing half-written is ever left behind."""

import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from safetensors.torch import load_file

from support.checkpoints import tiny_tensors, write_checkpoint
from tooncrafter_core.checkpoints import (
    Checkpoint,
    build_models,
    detect,
    read_checkpoint,
    save_checkpoint,
)
from tooncrafter_core.checkpoints.files import save as save_module
from tooncrafter_core.checkpoints.kept_texts import CONFIG_KEY
from tooncrafter_core.checkpoints.keys import SCHEDULE_BUFFERS
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.errors import OutputError


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("dtype", [None, torch.float32, torch.float16, torch.bfloat16])
def test_written_file_reads_back_equal(dtype: torch.dtype | None, tmp_path: Path) -> None:
    path = tmp_path / "out.safetensors"
    save_checkpoint(tiny_tensors(), path, dtype=dtype, config=TINY, metadata={"note": "ä"})
    found = load_file(path)
    assert set(found) == {*tiny_tensors(), CONFIG_KEY}
    for key, value in tiny_tensors().items():
        kept = dtype is None or key in SCHEDULE_BUFFERS
        wanted = value if kept else value.to(dtype)
        assert found[key].dtype == wanted.dtype and torch.equal(found[key], wanted)
    checkpoint = read_checkpoint(path)
    assert checkpoint.metadata["note"] == "ä" and detect(checkpoint) == TINY
    assert files(tmp_path) == ["out.safetensors"]


def test_mixed_formats_scalars_views_and_empty_tensors_are_written(tmp_path: Path) -> None:
    tensors = {
        "a": torch.ones(3, dtype=torch.uint8), "b": torch.tensor(2.5),
        "c": torch.arange(12.0).reshape(3, 4).T, "d": torch.zeros(0, 4), "e": torch.tensor([True]),
        "f": torch.ones(5, dtype=torch.float16), "g": torch.arange(4),
        "h": torch.ones(3, 3).to(torch.float8_e4m3fn),
    }  # fmt: skip
    save_checkpoint(tensors, tmp_path / "a.safetensors")
    found = load_file(tmp_path / "a.safetensors")
    for key, value in tensors.items():
        assert found[key].dtype == value.dtype and found[key].shape == value.shape
        assert torch.equal(found[key].float(), value.float())


def test_fp8_keeps_norms_biases_and_embeddings_in_fp16_and_loads_in_fp16(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_checkpoint(tiny_tensors(), path, dtype=torch.float8_e4m3fn, config=TINY)
    info = read_checkpoint(path).info
    blocks = "model.diffusion_model.input_blocks.1."
    assert info[blocks + "0.in_layers.2.weight"].dtype == torch.float8_e4m3fn
    assert info[blocks + "1.transformer_blocks.0.attn2.to_k_ip.weight"].dtype == torch.float8_e4m3fn
    for key in (
        blocks + "0.in_layers.0.weight",
        blocks + "0.in_layers.2.bias",
        "model.diffusion_model.time_embed.0.weight",
        "image_proj_model.latents",
        "cond_stage_model.model.token_embedding.weight",
    ):
        assert info[key].dtype == torch.float16, key
    assert info["betas"].dtype == torch.float32
    models = build_models(read_checkpoint(path), torch.float16)
    assert all(p.dtype == torch.float16 for p in models.denoiser.parameters())


def test_values_too_large_for_the_format_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"big has values up to 7e\+04.*bf16"):
        save_checkpoint({"big": torch.tensor([-7e4])}, tmp_path / "a.safetensors", dtype=torch.half)
    assert files(tmp_path) == []


def test_a_file_can_replace_itself(tmp_path: Path) -> None:
    path = write_checkpoint(tiny_tensors(), tmp_path / "a.safetensors", "safetensors")
    checkpoint = read_checkpoint(path)
    save_checkpoint(checkpoint, path, dtype=torch.float16)
    assert files(tmp_path) == ["a.safetensors"]
    assert read_checkpoint(path).info["image_proj_model.latents"].dtype == torch.float16


class FullDisk:
    """A file on a disk that is full after its header."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.writes = 0

    def __enter__(self) -> "FullDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: Any) -> None:
        self.writes += 1
        if self.writes > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.file.write(data)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    really_open = Path.open

    def open_on_full_disk(self: Path, mode: str = "r", **options: Any) -> Any:
        file = really_open(self, mode, **options)
        return FullDisk(file) if "w" in mode else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_on_full_disk)
        with pytest.raises(OutputError, match=r"disk is full.*'a.safetensors', [\d.]+ MB"):
            save_checkpoint(tiny_tensors(), path)
    assert path.read_bytes() == b"old" and files(tmp_path) == ["a.safetensors"]


def test_a_file_that_reads_back_different_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = save_module._write

    def write_and_damage(source: Checkpoint, file: BinaryIO, *rest: Any) -> dict[str, bytes]:
        digests = write(source, file, *rest)
        last = Path(file.name).read_bytes()[-1]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
        return digests

    monkeypatch.setattr(save_module, "_write", write_and_damage)
    with pytest.raises(OutputError, match="does not read back equal"):
        save_checkpoint(tiny_tensors(with_encoders=False), tmp_path / "a.safetensors")
    assert files(tmp_path) == []


def test_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tiny_tensors(), tmp_path / "a.safetensors", on_tensor=stop)
    assert files(tmp_path) == []


def test_impossible_targets_are_reported(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"must end in .safetensors"):
        save_checkpoint({}, tmp_path / "a.ckpt")
    with pytest.raises(OutputError, match="There is no folder"):
        save_checkpoint({}, tmp_path / "nowhere" / "a.safetensors")
    (tmp_path / "b.safetensors").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        save_checkpoint(tiny_tensors(with_encoders=False), tmp_path / "b.safetensors")
    assert files(tmp_path) == ["b.safetensors"]
