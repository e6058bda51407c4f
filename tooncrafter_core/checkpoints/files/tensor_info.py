"""A tensor's name, shape and type, known before it is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TensorInfo:
    """Shape and number format."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def numel(self) -> int:
        """Numbers in the tensor."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        return self.numel * self.dtype.itemsize


def tensor_infos(tensors: Mapping[str, Tensor]) -> dict[str, TensorInfo]:
    """The same of tensors that are there already."""
    return {key: TensorInfo(tuple(value.shape), value.dtype) for key, value in tensors.items()}
