"""The two forms of torch's files: a zip archive, and before torch 1.6 one pickle after another."""

import struct
import zipfile
from collections.abc import Iterable, Mapping
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import CheckpointError
from ..keys import unwrap
from .identity import FileState, open_weights
from .names import PickledTensor, Storage
from .sniff import FileKind, cut_short
from .stored import FileTensors, StoredTensor
from .unpickle import LONGEST_PICKLE, read_pickle

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_COUNT = struct.Struct("<q")
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""Numbers at the beginning of the older form."""


def open_pickled(path: Path, kind: FileKind) -> FileTensors:
    """The tensors of a torch file, none of them read yet, under the names that it has for them.

    ``CheckpointError`` for damaged files and ones without tensors, ``UnsafeCheckpointError`` for
    ones that name code; nothing of them is run.
    """
    with open_weights(path) as file:
        state = FileState.of(file)
        if kind is FileKind.PICKLE:
            content, starts = _read_zip(path, file, state.size)
        else:
            content, starts = _read_older(path, file, state.size)
        content = unwrap(content)
        tensors = {key: one for key, one in content.items() if isinstance(one, PickledTensor)}
        if not tensors:
            found = ", ".join(str(key) for key in list(content)[:5]) or "nothing"
            raise CheckpointError(
                f"{path.name} holds no weights (found: {found}); a state dict is needed. "
                "Choose the file that holds the model's weights."
            )
        places = starts([one.storage for one in tensors.values()])
    return FileTensors(
        path, state, {key: _stored(one, places[one.storage.key]) for key, one in tensors.items()}
    )


def _stored(tensor: PickledTensor, start: int) -> StoredTensor:
    place = start + tensor.offset * tensor.info.dtype.itemsize
    strides = None if _in_rows(tensor.info.shape, tensor.strides) else tensor.strides
    return StoredTensor(tensor.info, place, strides)


def _in_rows(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    needed = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1 and stride != needed:
            return False
        needed *= size
    return True


def _nbytes(storage: Storage) -> int:
    return storage.count * (storage.dtype.itemsize if storage.dtype else 1)


def _read_zip(path: Path, file: BinaryIO, size: int) -> tuple[Any, Any]:
    """The pickle of an archive, and what finds the beginning of its storages."""
    try:
        archive = zipfile.ZipFile(file)
        parts = {part.filename: part for part in archive.infolist()}
    except (zipfile.BadZipFile, struct.error, ValueError, OSError, NotImplementedError,
            LookupError) as error:  # fmt: skip
        raise cut_short(path, size, None) from error
    main = next((name for name in parts if name.rpartition("/")[2] == "data.pkl"), None)
    if main is None:
        raise CheckpointError(
            f"{path.name} is a zip archive without weights: it has no data.pkl. Choose the file "
            "that torch saved."
        )
    prefix = main.removesuffix("data.pkl")
    order = parts.get(prefix + "byteorder")
    if order and _part(path, file, order, size, 16) == b"big":
        raise CheckpointError(
            f"{path.name} was saved by a computer of another byte order, which is not read. Save "
            "it as .safetensors there."
        )
    listed = _part(path, file, parts[main], size, LONGEST_PICKLE + 1)
    content = read_pickle(BytesIO(listed), path.name)

    def starts(storages: Iterable[Storage]) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for storage in storages:
            part = parts.get(f"{prefix}data/{storage.key}")
            if part is None or part.file_size < _nbytes(storage):
                raise cut_short(path, size, None)
            if storage.key not in found:
                found[storage.key] = _start(path, file, part, size)
        return found

    return content, starts


def _start(path: Path, file: BinaryIO, part: zipfile.ZipInfo, size: int) -> int:
    """The byte at which a part of an archive begins; it must lie there as it is."""
    if part.compress_type != zipfile.ZIP_STORED or part.flag_bits & 1:
        raise CheckpointError(
            f"{path.name} was compressed by another program. Take the file as torch saved it, or "
            "save the weights as .safetensors."
        )
    if not 0 <= part.header_offset <= size:
        raise cut_short(path, size, None)
    file.seek(part.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size:
        raise cut_short(path, size, None)
    magic, name, extra = _LOCAL_HEADER.unpack(header)
    start = part.header_offset + _LOCAL_HEADER.size + name + extra
    if magic != b"PK\x03\x04" or start + part.file_size > size:
        raise cut_short(path, size, None)
    return start


def _part(path: Path, file: BinaryIO, part: zipfile.ZipInfo, size: int, most: int) -> bytes:
    start = _start(path, file, part, size)
    file.seek(start)
    return file.read(min(part.file_size, most))


def _read_older(path: Path, raw: Any, size: int) -> tuple[Any, Any]:
    """The fourth pickle of the older form, and what finds the beginning of its storages."""
    damaged = CheckpointError(
        f"{path.name} is damaged: its contents are no torch checkpoint. Download it again."
    )
    file, claimed = BufferedReader(raw), dict[str, Storage]()
    if read_pickle(file, path.name) != _MAGIC or read_pickle(file, path.name) != _PROTOCOL:
        raise damaged
    system = read_pickle(file, path.name)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise damaged
    content = read_pickle(file, path.name, claimed)
    keys = read_pickle(file, path.name)
    if not isinstance(keys, list) or any(type(k) is not str or k not in claimed for k in keys):
        raise damaged
    begin = file.tell()

    def starts(storages: Iterable[Storage]) -> Mapping[str, int]:
        found: dict[str, int] = {}
        place = begin
        for key in keys:
            file.seek(place)
            count = file.read(_COUNT.size)
            if len(count) < _COUNT.size or _COUNT.unpack(count)[0] != claimed[key].count:
                raise cut_short(path, size, None)
            found[key] = place + _COUNT.size
            place = found[key] + _nbytes(claimed[key])
            if place > size:
                raise cut_short(path, size, None)
        if any(storage.key not in found for storage in storages):
            raise damaged
        return found

    return content, starts
