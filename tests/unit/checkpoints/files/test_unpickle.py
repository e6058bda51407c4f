"""Pickles name tensors and plain containers; everything else is left out or refused."""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tooncrafter_core.checkpoints import read_checkpoint
from tooncrafter_core.checkpoints.files.names import LARGEST_SPREAD
from tooncrafter_core.checkpoints.files.unpickle import LONGEST_PICKLE
from tooncrafter_core.errors import CheckpointError, UnsafeCheckpointError


def rewritten(path: Path, change: Callable[[bytes], bytes], **options: Any) -> Path:
    """A torch file with another list of tensors."""
    torch.save({"betas": torch.arange(6.0)}, path)
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in parts.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(path)
    assert not isinstance(error.value, UnsafeCheckpointError)
    assert path.name in str(error.value)
    return str(error.value)


def test_a_tuple_nested_two_million_times_as_a_key_ends_no_process(tmp_path: Path) -> None:
    nested = b"\x80\x02}()" + b"\x85" * 2_000_000 + b"K\x01u."
    assert "holds no weights" in refused(rewritten(tmp_path / "a.ckpt", lambda _: nested))


def test_a_tuple_that_holds_itself_twice_sixty_times_over_does_not_hang(tmp_path: Path) -> None:
    doubled = b"\x80\x02}(K\x01\x85" + b"q\x00h\x00\x86" * 60 + b"K\x01u."
    assert "holds no weights" in refused(rewritten(tmp_path / "a.ckpt", lambda _: doubled))


@pytest.mark.parametrize("function", ["bytearray", "set", "list"])
def test_constructors_with_counts_from_the_file_make_nothing(function: str, tmp_path: Path) -> None:
    call = b"\x80\x02}X\x01\x00\x00\x00a"
    call += f"cbuiltins\n{function}\n".encode() + b"\x8a\x05\x00\x00\x00\x00\x7f\x85Rs."
    assert "holds no weights" in refused(rewritten(tmp_path / "a.ckpt", lambda _: call))


@pytest.mark.parametrize("name", ["torch FloatTensor", "torch Tensor", "torch._utils _rebuild_x"])
def test_tensors_of_other_kinds_are_named_and_not_made(name: str, tmp_path: Path) -> None:
    call = b"\x80\x02}X\x01\x00\x00\x00a"
    call += b"c" + name.replace(" ", "\n").encode() + b"\n\x8a\x05\x00\x00\x00\x00\x7f\x85Rs."
    text = refused(rewritten(tmp_path / "a.ckpt", lambda _: call))
    assert name.replace(" ", ".") in text and "plain tensors" in text


@pytest.mark.parametrize(
    "name", ["os system", "builtins eval", "torch.hub load", "torch.jit load", "numpyx a", "a b.c"]
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_names_of_code_are_refused_and_quoted(name: str, protocol: int, tmp_path: Path) -> None:
    module, function = (part.encode() for part in name.split(" "))
    plain = b"\x80\x02c" + module + b"\n" + function + b"\n."
    stacked = b"\x80\x04" + b"".join(
        b"\x8c" + bytes([len(part)]) + part for part in (module, function)
    )
    content = plain if protocol == 2 else stacked + b"\x93."
    with pytest.raises(UnsafeCheckpointError, match="Nothing was run") as error:
        read_checkpoint(rewritten(tmp_path / "a.ckpt", lambda _: content))
    assert name.replace(" ", ".") in str(error.value)


def test_entries_whose_keys_are_no_texts_are_left_out(tmp_path: Path) -> None:
    tensors: dict[Any, Any] = {"betas": torch.ones(2), 3: torch.ones(1), (1, "x"): torch.ones(1)}
    torch.save(tensors, tmp_path / "a.ckpt")
    assert list(read_checkpoint(tmp_path / "a.ckpt")) == ["betas"]


def test_a_dictionary_that_holds_itself_is_searched_once(tmp_path: Path) -> None:
    content: dict[str, Any] = {}
    content["state_dict"] = {"module": content}
    torch.save(content, tmp_path / "a.ckpt")
    assert "holds no weights" in refused(tmp_path / "a.ckpt")


@pytest.mark.parametrize("change", [lambda data: data[:-9], lambda data: data[:40]])
def test_a_list_that_ends_early_is_reported(
    change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    assert "ends early" in refused(rewritten(tmp_path / "a.ckpt", change))


def test_a_list_longer_than_weights_need_is_refused(tmp_path: Path) -> None:
    long = b"\x80\x02" + b"]" * (LONGEST_PICKLE + 1)
    assert "more than weights need" in refused(rewritten(tmp_path / "a.ckpt", lambda _: long))


def test_parts_that_another_program_has_compressed_are_reported(tmp_path: Path) -> None:
    # Mapped as they lie, they would be read as other numbers.
    path = rewritten(tmp_path / "a.ckpt", bytes, compression=zipfile.ZIP_DEFLATED)
    assert "was compressed by another program" in refused(path)


def test_views_parameters_and_shared_storages_are_read_as_torch_reads_them(tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    content = OrderedDict(
        betas=base, turned=base.T, part=base[1:3, ::2], one=base[2, 3],
        parameter=torch.nn.Parameter(base[0].clone()), spread=torch.ones(1).expand(3, 4),
        none=torch.empty(0, 3), wave=torch.ones(2, dtype=torch.complex64),
    )  # fmt: skip
    for older in (True, False):
        path = tmp_path / f"{older}.ckpt"
        if not older:  # which torch cannot read there
            content["wide"] = torch.tensor([1, 2], dtype=torch.uint16)
            content["eighth"] = torch.ones(3).to(torch.float8_e4m3fn)
        torch.save(content, path, _use_new_zipfile_serialization=not older)
        found, expected = read_checkpoint(path), torch.load(path, weights_only=True)
        assert set(found) == set(expected)
        for key, value in expected.items():
            assert found[key].dtype is value.dtype and found.info[key].shape == tuple(value.shape)
            assert torch.equal(bytes_of(found[key]), bytes_of(value)), key


def bytes_of(value: torch.Tensor) -> torch.Tensor:
    return value.detach().reshape(-1).contiguous().view(torch.uint8)


def test_a_number_that_claims_to_be_a_large_tensor_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1).expand(LARGEST_SPREAD, 2)}, tmp_path / "a.ckpt")
    assert "is damaged" in refused(tmp_path / "a.ckpt")


def test_a_newer_protocol_is_read(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "a.ckpt", pickle_protocol=4)
    assert torch.equal(read_checkpoint(tmp_path / "a.ckpt")["a"], torch.ones(3))


def test_a_pickle_of_another_program_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(pickle.dumps({"a": 1}, protocol=2))
    assert "no torch checkpoint" in refused(tmp_path / "a.ckpt")


def test_a_torchscript_program_is_named(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / "a.pt"))
    assert "TorchScript" in refused(tmp_path / "a.pt")
