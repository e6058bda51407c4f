"""The index at the start of a safetensors file: checked as a whole before a tensor is read."""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...errors import CheckpointError
from .identity import FileState, open_weights
from .sniff import cut_short
from .stored import FileTensors, StoredTensor, checked_shape
from .tensor_info import TensorInfo

LONGEST_INDEX = 16 << 20
"""Bytes; the published model's takes a thirtieth."""

DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
"""safetensors' names of the number formats."""

DTYPE_NAMES: dict[torch.dtype, str] = {dtype: name for name, dtype in DTYPES.items()}

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class SafetensorsIndex:
    """What a file says of its tensors."""

    tensors: FileTensors
    """Those of formats that are known."""
    unknown: dict[str, str]
    """The formats of the others."""
    metadata: dict[str, str]

    @property
    def keys(self) -> list[str]:
        """The names of all tensors."""
        return [*self.tensors, *self.unknown]


def read_index(path: Path) -> SafetensorsIndex:
    """Read a file's index and compare it with the file's size.

    ``CheckpointError`` when the file is cut short or its index is damaged.
    """
    with open_weights(path) as file:
        state = FileState.of(file)
        length = file.read(_LENGTH.size)
        if len(length) < _LENGTH.size:
            raise cut_short(path, state.size, None)
        (count,) = _LENGTH.unpack(length)
        if count > LONGEST_INDEX:
            raise CheckpointError(
                f"{path.name} has an index of {count:,} bytes, and weights need less than "
                f"{LONGEST_INDEX:,}. Download it again."
            )
        text = file.read(count)
    begin = _LENGTH.size + count
    if len(text) < count:
        raise cut_short(path, state.size, begin, at_least=True)
    try:
        entries = json.loads(text)
        metadata = entries.pop("__metadata__", None) or {}
        places = {key: _place(entry) for key, entry in entries.items()}
        is_text = all(type(value) is str for value in metadata.values())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error
    end = begin + max((place[3] for place in places.values()), default=0)
    if state.size < end:
        raise cut_short(path, state.size, end)
    if not is_text or sum(stop - start for _, _, start, stop in places.values()) > end - begin:
        raise _damaged(path)
    stored = {
        key: StoredTensor(TensorInfo(shape, DTYPES[form]), begin + start)
        for key, (form, shape, start, _) in places.items()
        if form in DTYPES
    }
    for key, one in stored.items():
        if one.info.nbytes != places[key][3] - places[key][2]:
            raise _damaged(path)
    unknown = {key: place[0] for key, place in places.items() if place[0] not in DTYPES}
    return SafetensorsIndex(FileTensors(path, state, stored), unknown, metadata)


def _place(entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Format, shape, first byte and end of a tensor; one of several errors for another thing."""
    form, shape = entry["dtype"], checked_shape(entry["shape"])
    start, stop = entry["data_offsets"]
    if not isinstance(form, str) or shape is None or type(start) is not int:
        raise ValueError("no place of a tensor")
    if type(stop) is not int or not 0 <= start <= stop:
        raise ValueError("no range of bytes")
    return form, shape, start, stop


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} has a damaged index and cannot be read as safetensors. Download it again."
    )
