"""Every form of weight file reads alike, and every broken one is reported in a sentence."""

import collections
import os
import pickle
import re
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

from support.checkpoints import tiny_tensors, write_checkpoint
from tooncrafter_core.checkpoints import read_checkpoint
from tooncrafter_core.checkpoints.files.sniff import FileKind
from tooncrafter_core.errors import CheckpointError, UnsafeCheckpointError

PICKLED = ["plain", "state_dict", "lightning", "deepspeed", "framestride", "legacy"]


def small() -> dict[str, torch.Tensor]:
    names = ("image_proj_model.latents", "model.diffusion_model.fps_embedding.0.weight", "betas")
    return {name: torch.full((40, 50), float(i)) for i, name in enumerate(names)}


@pytest.mark.parametrize(
    ("form", "dtype"),
    [
        *((form, torch.float16) for form in ("safetensors", *PICKLED)),
        *((form, torch.float32) for form in ("safetensors", "state_dict")),
        *((form, torch.bfloat16) for form in ("safetensors", "state_dict")),
    ],
)
def test_every_form_reads_back_under_official_keys(
    form: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    wanted = {k: v.to(dtype) for k, v in tiny_tensors(with_encoders=False).items()}
    suffix = ".safetensors" if form == "safetensors" else ".ckpt"
    found = read_checkpoint(write_checkpoint(wanted, tmp_path / f"weights{suffix}", form))
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        assert found.info[key].shape == tuple(value.shape)
        assert found[key].dtype == found.info[key].dtype == dtype
        assert torch.equal(found[key], value)
    assert torch.equal(found["betas"], wanted["betas"])


def test_metadata_and_kind_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file(small(), path, metadata={"made": "here"})
    found = read_checkpoint(path)
    assert found.metadata == {"made": "here"} and found.kind is FileKind.SAFETENSORS
    assert found.nbytes == 3 * 40 * 50 * 4 and found.name == "a.safetensors"


def test_nested_wrappers_and_values_that_are_no_tensors_are_undone(tmp_path: Path) -> None:
    content = {"state_dict": {"state_dict": {**small(), "note": "hello", "step": 3}}}
    torch.save(content, tmp_path / "a.pth")
    assert set(read_checkpoint(tmp_path / "a.pth")) == set(small())


def test_a_subset_reads_the_same_file(tmp_path: Path) -> None:
    whole = read_checkpoint(write_checkpoint(small(), tmp_path / "a.ckpt", "plain"))
    part = whole.subset(["betas"])
    assert list(part) == ["betas"] and torch.equal(part["betas"], whole["betas"])
    with pytest.raises(KeyError):
        part["image_proj_model.latents"]


def test_training_leftovers_are_read_as_nothing(tmp_path: Path) -> None:
    hyper = OmegaConf.create({"lr": 1e-4, "list": [1, {"a": None}]})
    content = {
        "state_dict": small(),
        "hyper_parameters": hyper,
        "callbacks": {"Checkpoint": {"dir": Path("x"), "n": collections.defaultdict(list, a=[1])}},
    }
    torch.save(content, tmp_path / "a.ckpt")
    assert set(read_checkpoint(tmp_path / "a.ckpt")) == set(small())


def test_dict_like_training_leftovers_are_read_as_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("torchmetrics")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.AttributeDict = type("AttributeDict", (dict,), {"__module__": module.__name__})
    content = {"state_dict": small(), "hparams": module.AttributeDict(lr=1, betas=(0.9, 0.99))}
    torch.save(content, tmp_path / "a.ckpt")
    assert set(read_checkpoint(tmp_path / "a.ckpt")) == set(small())


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("how", ["zip", "legacy", "bare", "zip4", "with_leftovers"])
def test_a_pickle_that_runs_code_is_refused_and_nothing_runs(how: str, tmp_path: Path) -> None:
    path, target = tmp_path / "evil.ckpt", tmp_path / "ran"
    content: dict[str, Any] = {"state_dict": small(), "evil": Evil(target)}
    if how == "bare":
        path.write_bytes(pickle.dumps({"evil": Evil(target)}))
    elif how == "zip4":
        torch.save(content, path, pickle_protocol=4)
    else:
        if how == "with_leftovers":
            content["hyper_parameters"] = OmegaConf.create({"a": 1})
        torch.save(content, path, _use_new_zipfile_serialization=how != "legacy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UnsafeCheckpointError, match="was not opened") as error:
            read_checkpoint(path)
    assert not target.exists()
    assert "safetensors" in str(error.value)
    with warnings.catch_warnings():  # the file is as dangerous as it claims
        warnings.simplefilter("ignore")
        if how != "bare":
            torch.load(path, weights_only=False)
            assert target.exists()


def test_builtin_functions_are_no_leftovers(tmp_path: Path) -> None:
    class Sneaky:
        def __reduce__(self) -> tuple[Any, ...]:
            return (eval, ("1",))

    torch.save({"state_dict": small(), "x": Sneaky()}, tmp_path / "a.ckpt")
    with pytest.raises(UnsafeCheckpointError, match="eval"):
        read_checkpoint(tmp_path / "a.ckpt")


def damaged(tmp_path: Path, name: str, content: bytes) -> str:
    (tmp_path / name).write_bytes(content)
    return one_sentence(tmp_path / name)


def one_sentence(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(path)
    assert type(error.value) is CheckpointError
    text = str(error.value)
    assert path.name in text and "\n" not in text and len(text) < 300
    return text


@pytest.mark.parametrize("name", ["a.safetensors", "a.ckpt"])
@pytest.mark.parametrize(
    ("content", "reported"),
    [
        (b"", "is empty"),
        (b"Entry not found\n", "text .it begins 'Entry not found'"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (bytes(range(128, 256)) * 9, "unknown binary data|damaged"),
        (b"hello " * 1000, "text"),
        ("Nicht gefunden: ä".encode() * 60, "text"),
    ],
)
def test_files_that_are_no_weights_are_reported(
    name: str, content: bytes, reported: str, tmp_path: Path
) -> None:
    text = damaged(tmp_path, name, content)
    assert re.search(reported, text)


@pytest.mark.parametrize("form", ["safetensors", "plain", "legacy"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_file_that_is_cut_short_says_so(form: str, share: float, tmp_path: Path) -> None:
    name = "a.safetensors" if form == "safetensors" else "a.ckpt"
    whole = write_checkpoint(small(), tmp_path / ("whole" + Path(name).suffix), form).read_bytes()
    text = damaged(tmp_path, name, whole[: int(len(whole) * share)])
    assert "cut short or damaged" in text or "is damaged" in text
    assert "Download it again" in text


def test_a_damaged_index_is_reported(tmp_path: Path) -> None:
    path = write_checkpoint(small(), tmp_path / "a.safetensors", "safetensors")
    content = path.read_bytes()
    assert "damaged index" in damaged(tmp_path, "b.safetensors", content.replace(b'"', b"!", 3))
    wrong_type = content.replace(b'"F32"', b'"C99"')
    assert "betas as C99, which is not supported" in damaged(tmp_path, "c.safetensors", wrong_type)


def test_missing_files_folders_and_other_names_are_reported(tmp_path: Path) -> None:
    assert "no file" in one_sentence(tmp_path / "nothing.ckpt")
    (tmp_path / "folder.ckpt").mkdir()
    assert "is a folder" in one_sentence(tmp_path / "folder.ckpt")
    assert "ends in '.png'" in damaged(tmp_path, "a.png", b"x")


def test_a_checkpoint_under_the_other_name_is_reported(tmp_path: Path) -> None:
    pickled = write_checkpoint(small(), tmp_path / "a.ckpt", "plain")
    pickled.rename(tmp_path / "b.safetensors")
    assert "rename it to .ckpt" in one_sentence(tmp_path / "b.safetensors")
    write_checkpoint(small(), tmp_path / "c.safetensors", "safetensors").rename(tmp_path / "c.pt")
    assert "rename it to .safetensors" in one_sentence(tmp_path / "c.pt")


def test_files_without_tensors_are_reported(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "note": "x"}, tmp_path / "a.ckpt")
    assert "holds no weights (found: epoch, note)" in one_sentence(tmp_path / "a.ckpt")
    torch.save([1, 2], tmp_path / "b.ckpt")
    assert "found: nothing" in one_sentence(tmp_path / "b.ckpt")
    save_file({}, tmp_path / "c.safetensors")
    assert "no tensors at all" in one_sentence(tmp_path / "c.safetensors")
