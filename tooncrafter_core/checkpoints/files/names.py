"""What the names in the pickles of torch's files stand for: tensors, other things, or code."""

import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ...errors import CheckpointError, UnsafeCheckpointError
from .stored import checked_shape, checked_strides
from .tensor_info import TensorInfo

LARGEST_SPREAD = 1 << 20
"""Elements of a tensor in which one stored number stands for many."""

_INERT = re.compile(
    r"(omegaconf|pytorch_lightning|lightning|lightning_fabric|deepspeed|torchmetrics|numpy|pathlib)"
    r"\..*|argparse\.Namespace|typing\.\w+|collections\.(defaultdict|Counter)"
    r"|(builtins|__builtin__)\.(dict|list|tuple|set|frozenset|int|long|float|complex|str|unicode|bytes"
    r"|bytearray|bool|slice|range|object)|_codecs\.encode|torch\.(Size|device)|torch\.serialization\._get_layout"
)
"""Names in the pickles of training frameworks that stand for no weights: left out."""

_OTHER_TENSORS = re.compile(
    r"torch\._utils\._rebuild_\w+|torch\.(\w+\.)*\w*Tensor|torch\.nested\.\S+|torch\._tensor\.\w+"
)
"""Tensors that are kept otherwise than as plain numbers."""

DTYPES: dict[str, torch.dtype] = {
    "Double": torch.float64, "Float": torch.float32, "Half": torch.float16,
    "BFloat16": torch.bfloat16, "Long": torch.int64, "Int": torch.int32, "Short": torch.int16,
    "Char": torch.int8, "Byte": torch.uint8, "Bool": torch.bool,
    "ComplexDouble": torch.complex128, "ComplexFloat": torch.complex64,
}  # fmt: skip
"""torch's names of storages."""

_STORAGE = re.compile(r"torch\.\w+Storage|torch\.storage\.\w*Storage")
_PLAIN_DTYPE = re.compile(r"torch\.(b?float\d\w*|complex\d+|u?int(8|16|32|64)|bool)")


@dataclass(frozen=True)
class Storage:
    """A run of elements that tensors are parts of."""

    key: str
    dtype: torch.dtype | None
    """None where the tensor says it."""
    count: int
    """Elements; bytes without a ``dtype``."""


@dataclass(frozen=True)
class PickledTensor:
    """A tensor as its pickle describes it."""

    storage: Storage
    offset: int
    """Elements of the storage before it."""
    info: TensorInfo
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Name:
    """Takes the place of a class or a function that a pickle names."""

    name: str
    call: Callable[..., Any] | None = None
    dtype: torch.dtype | None = None


def meaning(full: str, file: str) -> Name:
    """What a pickle's name, such as ``torch._utils._rebuild_tensor_v2``, stands for.

    Nothing is imported. ``UnsafeCheckpointError`` for code; ``CheckpointError`` for tensors of
    kinds that are not read. ``file`` is what messages call the file.
    """
    name = full.rpartition(".")[2]
    if full == "collections.OrderedDict":
        return Name(full, call=lambda *_: OrderedDict())
    if full in _REBUILD:
        return Name(full, call=_REBUILD[full])
    if _PLAIN_DTYPE.fullmatch(full) and isinstance(getattr(torch, name, None), torch.dtype):
        return Name(full, dtype=getattr(torch, name))
    if _STORAGE.fullmatch(full):
        return Name(full, dtype=DTYPES.get(name.removesuffix("Storage")))
    if _OTHER_TENSORS.fullmatch(full):
        raise CheckpointError(
            f"{file} keeps tensors in a form that is not read ({full}): sparse, nested, quantised "
            "or of an old torch. Save its weights as plain tensors, best as .safetensors."
        )
    if full.startswith("__torch__."):
        raise CheckpointError(
            f"{file} is a TorchScript program, not weights. Choose the file of the model's weights."
        )
    if not _INERT.fullmatch(full):
        raise _unsafe(file, full)
    return Name(full)


def _unsafe(name: str, wanted: str) -> UnsafeCheckpointError:
    """The error for a pickle that names code."""
    return UnsafeCheckpointError(
        f"{name} was not opened: reading it could run code (it asks for '{wanted}'). Nothing was "
        "run. Get the weights as .safetensors from a source you trust, or have whoever made the "
        "file save only its state_dict."
    )


def _tensor(
    storage: object, offset: object, shape: object, strides: object, *rest: object
) -> PickledTensor:
    """Note where a tensor lies; the arguments are those of torch's functions."""
    own = next((one.dtype for one in rest if isinstance(one, Name) and one.dtype), None)
    if not isinstance(storage, Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    dtype = own or storage.dtype
    sizes, steps = checked_shape(shape), checked_strides(strides)
    if dtype is None or sizes is None or steps is None or len(sizes) != len(steps):
        raise pickle.UnpicklingError("a tensor without sizes")
    if type(offset) is not int or offset < 0:
        raise pickle.UnpicklingError("a tensor without a place")
    count = storage.count if storage.dtype else storage.count // dtype.itemsize
    info = TensorInfo(sizes, dtype)
    extent = 1 + sum((n - 1) * s for n, s in zip(sizes, steps, strict=True)) if info.numel else 0
    # One number that stands for many becomes many when it is read.
    if offset + extent > count or info.numel > max(extent, LARGEST_SPREAD):
        raise pickle.UnpicklingError("a tensor larger than its storage")
    return PickledTensor(storage, offset, info, steps)


def _parameter(tensor: object, *_rest: object) -> object:
    return tensor


_REBUILD: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
}
