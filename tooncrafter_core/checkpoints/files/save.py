"""Writes safetensors files one tensor at a time: temporary file, check, rename."""

import hashlib
import json
import logging
import os
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...config.model import ModelConfig, SketchEncoderConfig
from ...errors import CheckpointError, OutputError
from ...files import replacing
from ..kept_texts import text_tensors
from ..keys import SCHEDULE_BUFFERS
from ..stored_config import config_metadata
from .read import Checkpoint, read_safetensors
from .safetensors_index import DTYPE_NAMES
from .tensor_info import TensorInfo, tensor_infos

logger = logging.getLogger(__name__)

FP8 = torch.float8_e4m3fn

_STAYS_HALF_IN_FP8 = re.compile(r"embed|norm|latents|text_projection|\.proj$|(^|\.)out\.")
"""Tensors that lose too much in 8 bits, besides all of one dimension."""


def save_checkpoint(
    tensors: Checkpoint | Mapping[str, Tensor],
    path: str | Path,
    *,
    dtype: torch.dtype | None = None,
    config: ModelConfig | SketchEncoderConfig | None = None,
    metadata: Mapping[str, str] | None = None,
    on_tensor: Callable[[int, int], None] | None = None,
) -> None:
    """Write tensors to a ``.safetensors`` file, read it back and compare.

    ``dtype`` None keeps each tensor's format; schedule buffers and whole numbers keep theirs
    always. In fp8, norms, embeddings and biases become fp16. ``config`` goes into the metadata so
    that head counts need not be guessed, and into a tensor for programs that drop the metadata.
    ``on_tensor(done, total)`` is called after each tensor.
    An existing file is replaced only once the new one is complete. ``OutputError`` when it cannot
    be written or does not read back equal. SPEC section 0.
    """
    path = Path(path)
    check_target(path)
    source = tensors if isinstance(tensors, Checkpoint) else Checkpoint.from_tensors(tensors)
    texts = {"format": "pt", **(metadata or {})}
    if config is not None:
        texts |= config_metadata(config)
    plan, kept = _plan(source, dtype), text_tensors(texts)
    with replacing(path, sum(info.nbytes for info in plan.values())) as part:
        with part.open("wb") as file:
            digests = _write(source, file, plan, texts, kept, on_tensor)
        _verify(part, plan, digests, texts, kept)


def check_target(path: Path) -> None:
    """``OutputError`` for a path that is no ``.safetensors`` file in a folder that is there."""
    if path.suffix != ".safetensors":
        raise OutputError(f"{path.name} must end in .safetensors, the format that is written.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent}. Make it, or choose another.")


def _plan(source: Checkpoint, dtype: torch.dtype | None) -> dict[str, TensorInfo]:
    """Every tensor as it will be stored, widest formats first so that each lies on its multiple."""
    plan = {
        key: TensorInfo(info.shape, _stored_dtype(key, info, dtype))
        for key, info in source.info.items()
    }
    return dict(sorted(plan.items(), key=lambda item: -item[1].dtype.itemsize))


def _stored_dtype(key: str, info: TensorInfo, dtype: torch.dtype | None) -> torch.dtype:
    if info.dtype not in DTYPE_NAMES:
        raise OutputError(
            f"{key} is {str(info.dtype).removeprefix('torch.')}, which files of weights do "
            "not hold. Leave it out of the file that is converted."
        )
    if dtype is None or key in SCHEDULE_BUFFERS or not info.dtype.is_floating_point:
        return info.dtype
    if dtype is FP8 and (len(info.shape) < 2 or _STAYS_HALF_IN_FP8.search(key)):
        return torch.float16
    return dtype


def _write(
    source: Checkpoint,
    file: BinaryIO,
    plan: Mapping[str, TensorInfo],
    texts: Mapping[str, str],
    kept: Mapping[str, Tensor],
    on_tensor: Callable[[int, int], None] | None,
) -> dict[str, bytes]:
    """Write the file and return a digest of every tensor's bytes."""
    digests: dict[str, bytes] = {}
    file.write(_header({**plan, **tensor_infos(kept)}, texts))
    for key, info in plan.items():
        data = _bytes(_converted(source[key], info.dtype, key))
        file.write(data)
        digests[key] = hashlib.blake2b(data).digest()
        if on_tensor:
            on_tensor(len(digests), len(plan))
    for tensor in kept.values():  # of single bytes, so anywhere is on their multiple
        file.write(_bytes(tensor))
    file.flush()
    os.fsync(file.fileno())
    return digests


def _header(plan: Mapping[str, TensorInfo], texts: Mapping[str, str]) -> bytes:
    """The index of the file, padded with spaces to a multiple of 8 bytes."""
    index: dict[str, object] = {"__metadata__": dict(texts)}
    end = 0
    for key, info in plan.items():
        start, end = end, end + info.nbytes
        index[key] = {
            "dtype": DTYPE_NAMES[info.dtype],
            "shape": list(info.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(index, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _converted(tensor: Tensor, dtype: torch.dtype, key: str) -> Tensor:
    """The tensor in its stored format; a value too large for that format is an error, not inf."""
    if tensor.dtype is dtype or not tensor.numel():
        return tensor
    limit = torch.finfo(dtype).max
    if limit >= torch.finfo(tensor.dtype).max:
        return tensor.to(dtype)
    finite = tensor.float().nan_to_num(0, 0, 0)  # what was infinite before may stay so
    largest = max(finite.max().item(), -finite.min().item())
    if largest > limit:
        raise OutputError(
            f"{key} has values up to {largest:.3g}, and {dtype} ends at {limit:.3g}. "
            "Choose bf16 or fp32, or keep the format."
        )
    return tensor.to(dtype)


def _bytes(tensor: Tensor) -> Any:
    """The tensor's bytes in row order, as an array of bytes without a copy where possible."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()


def _last_bytes(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        file.seek(-count, os.SEEK_END)
        return file.read()


def _verify(
    path: Path,
    plan: Mapping[str, TensorInfo],
    digests: Mapping[str, bytes],
    texts: Mapping[str, str],
    kept: Mapping[str, Tensor],
) -> None:
    """Read the file back, let safetensors check its index, and compare everything."""
    end = b"".join(bytes(_bytes(tensor)) for tensor in kept.values())
    try:
        written = read_safetensors(path)
        with safe_open(str(path), framework="pt"):
            pass
        wrong = [key for key in plan if written.info.get(key) != plan[key]]
        wrong += [
            key
            for key in written
            if hashlib.blake2b(_bytes(written[key])).digest() != digests.get(key)
        ]
    except (CheckpointError, SafetensorError) as error:
        raise OutputError(f"The new file cannot be read back ({error}). {_DISK_HINT}") from error
    if wrong or written.metadata != texts or _last_bytes(path, len(end)) != end:
        what = wrong[0] if wrong else "the metadata"
        raise OutputError(f"The new file does not read back equal (first: {what}). {_DISK_HINT}")


_DISK_HINT = "Nothing was replaced. Check the disk, or write to another one."
