"""What was read of a file stays, whatever happens to the file; changes are noticed before use."""

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from support.checkpoints import tiny_tensors, write_checkpoint
from tooncrafter_core.checkpoints import build_models, read_checkpoint
from tooncrafter_core.checkpoints.files.identity import file_identity
from tooncrafter_core.checkpoints.files.safetensors_index import LONGEST_INDEX
from tooncrafter_core.errors import CheckpointError

FORMS = [("safetensors", "a.safetensors"), ("plain", "a.ckpt"), ("legacy", "b.ckpt")]


@pytest.mark.parametrize(("form", "name"), FORMS)
def test_loaded_weights_survive_a_file_that_is_cut_to_nothing(
    form: str, name: str, tmp_path: Path
) -> None:
    # In a process of its own: mapped weights would end it with a signal.
    path = write_checkpoint(tiny_tensors(), tmp_path / name, form)
    code = (
        "import sys; from tooncrafter_core.checkpoints import build_models, read_checkpoint;"
        "models = build_models(read_checkpoint(sys.argv[1])); open(sys.argv[1], 'wb').close();"
        "print(sum(p.double().sum().item() for p in models.denoiser.parameters()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    write_checkpoint(tiny_tensors(), path, form)
    models = build_models(read_checkpoint(path))
    expected = sum(p.double().sum().item() for p in models.denoiser.parameters())
    assert float(result.stdout) == pytest.approx(expected, rel=1e-9)


def overwritten(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-64] + bytes(64))


def replaced(path: Path) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(("form", "name"), FORMS)
@pytest.mark.parametrize("change", [overwritten, replaced, removed])
def test_a_file_that_has_changed_since_it_was_opened_is_refused(
    form: str, name: str, change: Callable[[Path], None], tmp_path: Path
) -> None:
    path = write_checkpoint({"betas": torch.ones(400)}, tmp_path / name, form)
    os.utime(path, ns=(0, 10**18))
    found = read_checkpoint(path)
    change(path)
    with pytest.raises(CheckpointError, match=r"has changed|There is no file"):
        found["betas"]


def test_four_threads_read_one_file(tmp_path: Path) -> None:
    content = {"state_dict": {"betas": torch.arange(9.0)}, "hyper": [Path("x"), {1, 2}]}
    torch.save(content, tmp_path / "a.ckpt")
    wrong: list[object] = []

    def read() -> None:
        for _ in range(40):
            try:
                same = torch.equal(read_checkpoint(tmp_path / "a.ckpt")["betas"], torch.arange(9.0))
            except CheckpointError as error:
                wrong.append(error)
            else:
                wrong.extend([] if same else ["other numbers"])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_identity_stays_while_a_file_does_and_changes_with_it(tmp_path: Path) -> None:
    path = write_checkpoint(
        {"betas": torch.ones(90_000)}, tmp_path / "a.safetensors", "safetensors"
    )
    times = (10**18, 10**18)
    os.utime(path, ns=times)
    first = file_identity(path)
    assert file_identity(str(path)) == first
    content = path.read_bytes()
    found = {first}
    for other in (content + b" ", content.replace(b"betas", b"bexas"), content[:-4] + b"wxyz"):
        path.write_bytes(other)
        os.utime(path, ns=times)
        found.add(file_identity(path))
    path.write_bytes(content)
    os.utime(path, ns=(10**18, 10**18 + 10**9))
    assert len(found | {file_identity(path)}) == 5
    with pytest.raises(CheckpointError, match="There is no file"):
        file_identity(tmp_path / "none.ckpt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("name", ["a.safetensors", "a.ckpt"])
def test_pipes_and_devices_are_never_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / f"zero{Path(name).suffix}").symlink_to("/dev/zero")
    for path in (tmp_path / name, tmp_path / f"zero{Path(name).suffix}"):
        with pytest.raises(CheckpointError, match="no ordinary file"):
            read_checkpoint(path)
        with pytest.raises(CheckpointError, match="no ordinary file"):
            file_identity(path)


def with_index(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A safetensors file with a changed index."""
    save_file({"betas": torch.ones(4), "logvar": torch.ones(2)}, path, metadata={"a": "b"})
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    index = json.loads(content[8 : 8 + length])
    changed = change(index)
    text = json.dumps(index if changed is None else changed).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    return path


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "metadata of numbers": lambda index: index.update(__metadata__=[1, 2]),
    "metadata values": lambda index: index.update(__metadata__={"a": 1}),
    "entry": lambda index: index.update(betas=3),
    "shape": lambda index: index["betas"].update(shape="44"),
    "rank": lambda index: index["betas"].update(shape=[1] * 99 + [4]),
    "fraction": lambda index: index["betas"].update(shape=[4.0]),
    "truth": lambda index: index["betas"].update(shape=[True, 4]),
    "negative": lambda index: index["betas"].update(shape=[-2, -2]),
    "huge": lambda index: index["betas"].update(shape=[2**40, 2**40]),
    "size": lambda index: index["betas"].update(shape=[5]),
    "offsets": lambda index: index["betas"].update(data_offsets=[0]),
    "backwards": lambda index: index["betas"].update(data_offsets=[16, 0]),
    "overlap": lambda index: index["logvar"].update(shape=[6], data_offsets=[0, 24]),
    "format": lambda index: index["betas"].update(dtype=["F32"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_index_that_claims_what_cannot_be_is_refused(what: str, tmp_path: Path) -> None:
    path = with_index(tmp_path / "a.safetensors", CHANGES[what])
    with pytest.raises(CheckpointError, match=r"a\.safetensors has a damaged index"):
        read_checkpoint(path)


def test_a_note_in_a_format_that_torch_does_not_know_is_refused(tmp_path: Path) -> None:
    def note(index: dict[str, Any]) -> None:
        index["betas.comfy_quant"] = {**index.pop("betas"), "dtype": "F8_E8M0"}

    path = with_index(tmp_path / "a.safetensors", note)
    with pytest.raises(CheckpointError, match="a quantisation that it does not name"):
        read_checkpoint(path)


def test_a_deep_or_a_long_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    deep = b'{"a":' + b"[" * 200_000
    path.write_bytes(struct.pack("<Q", len(deep)) + deep)
    with pytest.raises(CheckpointError, match="damaged index"):
        read_checkpoint(path)
    path.write_bytes(struct.pack("<Q", LONGEST_INDEX + 1) + b"{" + bytes(100))
    with pytest.raises(CheckpointError, match="weights need less"):
        read_checkpoint(path)
