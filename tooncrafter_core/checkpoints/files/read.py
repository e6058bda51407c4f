"""Reads weight files of every form without running them and without copying their tensors.

Files are mapped into memory: a tensor's bytes are read when they are used, and while they stay
mapped they are the file's own pages. ``Checkpoint.release`` lets go of them (SPEC section 0).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import CheckpointError
from ..kept_texts import KEPT_KEYS, kept_texts
from ..keys import official_names, unwrap
from .quantised import refuse_quantised
from .scaled import apply_scales
from .sniff import FileKind, SafetensorsHeader, file_kind, read_safetensors_header
from .tensor_info import TensorInfo, tensor_infos
from .unpickle import load_pickle

_DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
"""safetensors' names of the number formats."""

DTYPE_NAMES: dict[torch.dtype, str] = {dtype: name for name, dtype in _DTYPES.items()}


class Checkpoint(Mapping[str, Tensor]):
    """A weight file as a mapping from official keys to tensors, read when asked for."""

    def __init__(
        self,
        open_tensors: Callable[[], Mapping[str, Tensor]],
        info: Mapping[str, TensorInfo],
        *,
        name: str = "the checkpoint",
        path: Path | None = None,
        kind: FileKind | None = None,
        metadata: Mapping[str, str] | None = None,
        is_mapped: bool = False,
        num_scaled: int = 0,
    ) -> None:
        self.info = {key: one for key, one in info.items() if key not in KEPT_KEYS}
        """Shape and number format of every tensor, known without reading it."""
        self.name = name
        """What messages call it."""
        self.path = path
        self.kind = kind
        self.metadata = dict(metadata or {})
        self.is_mapped = is_mapped
        """Whether tensors are the file's own pages, which ``release`` gives back."""
        self.num_scaled = num_scaled
        """How many weights the file keeps as 8-bit floats with scales, which are applied here."""
        self._open_tensors = open_tensors
        self._opened: Mapping[str, Tensor] | None = None
        kept = {key: one.shape for key, one in info.items() if key in KEPT_KEYS}
        if kept:
            # Texts beside the weights stand in for metadata that was lost.
            self.metadata = kept_texts(self._tensors(), kept) | self.metadata

    @classmethod
    def from_tensors(
        cls,
        tensors: Mapping[str, Tensor],
        *,
        name: str = "the checkpoint",
        metadata: Mapping[str, str] | None = None,
    ) -> "Checkpoint":
        """A checkpoint of tensors that are in memory already (or on the meta device)."""
        clean = {key: tensors[raw] for key, raw in official_names(tensors).items()}
        return cls(lambda: clean, tensor_infos(clean), name=name, metadata=metadata)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor."""
        return {key: info.shape for key, info in self.info.items()}

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors together."""
        return sum(info.nbytes for info in self.info.values())

    def release(self) -> None:
        """Let go of the mapped file; tensors that are still in use keep it, later reads reopen."""
        self._opened = None

    def subset(self, keys: Iterable[str]) -> "Checkpoint":
        """A checkpoint of some of the tensors of this one, read from the same file."""
        return Checkpoint(
            self._open_tensors,
            {key: self.info[key] for key in keys},
            name=self.name,
            path=self.path,
            kind=self.kind,
            metadata=self.metadata,
            is_mapped=self.is_mapped,
            num_scaled=self.num_scaled,
        )

    def __getitem__(self, key: str) -> Tensor:
        if key not in self.info:
            raise KeyError(key)
        return self._tensors()[key]

    def _tensors(self) -> Mapping[str, Tensor]:
        if self._opened is None:
            self._opened = self._open_tensors()
        return self._opened

    def __iter__(self) -> Iterator[str]:
        return iter(self.info)

    def __len__(self) -> int:
        return len(self.info)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Open a ``.safetensors`` or ``.ckpt`` file of any supported form.

    Wrappers, deepspeed's and older key names are undone. ``CheckpointError`` says what is wrong
    with a file that cannot be read; ``UnsafeCheckpointError`` when it is a pickle that names code:
    nothing of it is run. SPEC section 0.
    """
    path = Path(path)
    kind = file_kind(path)
    if kind is FileKind.SAFETENSORS:
        return read_safetensors(path)
    return _read_pickle(path, kind)


class _SafetensorsTensors(Mapping[str, Tensor]):
    """The tensors of a mapped safetensors file under their official keys."""

    def __init__(self, path: Path, names: Mapping[str, str]) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            self._file: Any = safe_open(str(path), framework="pt", device="cpu")
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path.name} cannot be read as safetensors ({error}). Download it again."
            ) from error
        self._names = names

    def __getitem__(self, key: str) -> Tensor:
        return self._file.get_tensor(self._names[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def read_safetensors(path: Path) -> Checkpoint:
    """Read a file that is known to be one of safetensors, whatever its name."""
    header = read_safetensors_header(path)
    names = official_names(header.entries)
    if not names:
        raise CheckpointError(f"{path.name} holds no tensors at all. Download it again.")

    def open_tensors() -> Mapping[str, Tensor]:
        return _SafetensorsTensors(path, names)

    # Before formats are looked at that torch may not know.
    refuse_quantised(names, header.metadata, open_tensors, path.name)
    info = {key: _header_info(path, header, raw) for key, raw in names.items()}
    checkpoint = _checkpoint(open_tensors, info, path, FileKind.SAFETENSORS, header.metadata)
    checkpoint[_first(checkpoint)]  # the library's own check of the whole index
    return checkpoint


def _first(checkpoint: Checkpoint) -> str:
    """Any tensor; ``CheckpointError`` for a file with none but texts."""
    for key in checkpoint:
        return key
    raise CheckpointError(f"{checkpoint.name} holds no tensors at all. Download it again.")


def _header_info(path: Path, header: SafetensorsHeader, raw: str) -> TensorInfo:
    entry = header.entries[raw]
    try:
        return TensorInfo(tuple(entry["shape"]), _DTYPES[entry["dtype"]])
    except KeyError as error:
        raise CheckpointError(
            f"{path.name} stores {raw} as {entry.get('dtype')}, which is not supported; "
            f"needed is one of {', '.join(_DTYPES)}. Use another file of these weights."
        ) from error


def _read_pickle(path: Path, kind: FileKind) -> Checkpoint:
    is_mapped = kind is FileKind.PICKLE

    def open_tensors() -> Mapping[str, Tensor]:
        content = unwrap(load_pickle(path, is_mapped))
        tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
        if not tensors:
            found = ", ".join(str(key) for key in list(content)[:5]) or "nothing"
            raise CheckpointError(
                f"{path.name} holds no weights (found: {found}); a state dict is needed. "
                "Choose the file that holds the model's weights."
            )
        return {key: tensors[raw] for key, raw in official_names(tensors).items()}

    tensors = open_tensors()
    refuse_quantised(tensors, {}, lambda: tensors, path.name)
    # A legacy pickle is in memory as a whole; reading it again would gain nothing.
    reopen = open_tensors if is_mapped else lambda: tensors
    return _checkpoint(reopen, tensor_infos(tensors), path, kind, {}, is_mapped)


def _checkpoint(
    open_tensors: Callable[[], Mapping[str, Tensor]],
    info: Mapping[str, TensorInfo],
    path: Path,
    kind: FileKind,
    metadata: Mapping[str, str],
    is_mapped: bool = True,
) -> Checkpoint:
    """A file's tensors, its scales applied."""
    scaled = apply_scales(open_tensors, info, path.name)
    return Checkpoint(
        scaled.open_tensors if scaled else open_tensors,
        scaled.info if scaled else info,
        name=path.name,
        path=path,
        kind=kind,
        metadata=metadata,
        is_mapped=is_mapped,
        num_scaled=scaled.number if scaled else 0,
    )
