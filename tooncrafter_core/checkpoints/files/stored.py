"""Tensors where they lie in a file, each copied into memory when it is asked for.

Nothing is mapped: what was read stays as it is when the file is overwritten or cut short later. A
file that has changed since it was opened is noticed, before and after each tensor.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ...errors import CheckpointError
from .identity import FileState, open_weights
from .tensor_info import TensorInfo

MOST_DIMENSIONS = 16
"""More than any network's tensors have."""

_TOO_MANY = 1 << 48
"""Elements; no disk holds as many."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor's place in a file."""

    info: TensorInfo
    start: int
    """The file's byte at which its first element begins."""
    strides: tuple[int, ...] | None = None
    """In elements; None for one in row order."""

    @property
    def extent(self) -> int:
        """Elements from the first to the last one of the tensor."""
        if self.strides is None or not self.info.numel:
            return self.info.numel
        return 1 + sum((n - 1) * s for n, s in zip(self.info.shape, self.strides, strict=True))


class FileTensors(Mapping[str, Tensor]):
    """The tensors of a file under their names."""

    def __init__(self, path: Path, state: FileState, stored: Mapping[str, StoredTensor]) -> None:
        self._path, self._state, self._stored = path, state, stored

    @property
    def infos(self) -> dict[str, TensorInfo]:
        """Shape and number format of each."""
        return {key: one.info for key, one in self._stored.items()}

    def __getitem__(self, key: str) -> Tensor:
        one = self._stored[key]
        nbytes = one.extent * one.info.dtype.itemsize
        data = torch.empty(nbytes, dtype=torch.uint8)
        with open_weights(self._path) as file:
            if FileState.of(file) != self._state:
                raise _changed(self._path)
            file.seek(one.start)
            left = memoryview(cast(Any, data.numpy()))
            # Systems read no more than 2 GB at a time.
            while left and (count := file.readinto(left)):  # type: ignore[attr-defined]
                left = left[count:]
            if left or FileState.of(file) != self._state:
                raise _changed(self._path)
        elements = data.view(one.info.dtype)
        if one.strides is None:
            return elements.reshape(one.info.shape)
        return elements.as_strided(one.info.shape, one.strides).contiguous()

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def checked_shape(shape: object) -> tuple[int, ...] | None:
    """A shape that a file claims; None for what cannot be one."""
    sizes = checked_strides(shape)
    return sizes if sizes is not None and math.prod(sizes) < _TOO_MANY else None


def checked_strides(strides: object) -> tuple[int, ...] | None:
    """Steps between elements that a file claims; None for what cannot be such."""
    if not isinstance(strides, (list, tuple)) or len(strides) > MOST_DIMENSIONS:
        return None
    if any(type(step) is not int or not 0 <= step < _TOO_MANY for step in strides):
        return None
    return tuple(strides)


def _changed(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} has changed on the disk since it was opened. Load it again once it is "
        "written completely."
    )
