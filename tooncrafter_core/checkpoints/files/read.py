"""Reads weight files of every form without running them, and each tensor when it is asked for.

What is read is a copy in memory: a file that is overwritten or removed later changes nothing of it
(SPEC section 0).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...errors import CheckpointError
from ..kept_texts import KEPT_KEYS, kept_texts
from ..keys import official_names
from .archive import open_pickled
from .made import Made, MadeTensors
from .quantised import refuse_quantised
from .safetensors_index import DTYPES, read_index
from .scaled import apply_scales
from .sniff import FileKind, file_kind
from .stored import FileTensors
from .tensor_info import TensorInfo, tensor_infos


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The file that tensors are read from."""

    path: Path
    kind: FileKind
    num_scaled: int = 0
    """How many weights it keeps as 8-bit floats with scales, which are applied here."""


class Checkpoint(Mapping[str, Tensor]):
    """A weight file as a mapping from official keys to tensors, read when asked for."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        info: Mapping[str, TensorInfo],
        *,
        name: str = "the checkpoint",
        origin: Origin | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.info = {key: one for key, one in info.items() if key not in KEPT_KEYS}
        """Shape and number format of every tensor, known without reading it."""
        self.name = name
        """What messages call it."""
        self.path = origin.path if origin else None
        self.kind = origin.kind if origin else None
        self.num_scaled = origin.num_scaled if origin else 0
        self.metadata = dict(metadata or {})
        self._origin = origin
        self._tensors = tensors
        kept = {key: one.shape for key, one in info.items() if key in KEPT_KEYS}
        if kept:
            # Texts among the weights replace metadata that was lost.
            self.metadata = kept_texts(tensors, kept) | self.metadata

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
        return cls(clean, tensor_infos(clean), name=name, metadata=metadata)

    @classmethod
    def from_made(cls, tensors: Mapping[str, Made], *, name: str) -> "Checkpoint":
        """A checkpoint of tensors that are made when they are read."""
        clean = MadeTensors({key: tensors[raw] for key, raw in official_names(tensors).items()})
        return cls(clean, clean.infos, name=name)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor."""
        return {key: info.shape for key, info in self.info.items()}

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors together."""
        return sum(info.nbytes for info in self.info.values())

    def subset(self, keys: Iterable[str]) -> "Checkpoint":
        """A checkpoint of some of the tensors of this one, read from the same file."""
        return Checkpoint(
            self._tensors,
            {key: self.info[key] for key in keys},
            name=self.name,
            origin=self._origin,
            metadata=self.metadata,
        )

    def __getitem__(self, key: str) -> Tensor:
        if key not in self.info:
            raise KeyError(key)
        return self._tensors[key]

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


class _Renamed(Mapping[str, Tensor]):
    """Tensors of a file under their official keys."""

    def __init__(self, tensors: FileTensors, names: Mapping[str, str]) -> None:
        self._tensors, self.names = tensors, names

    @property
    def infos(self) -> dict[str, TensorInfo]:
        """Shape and number format of each that can be read."""
        infos = self._tensors.infos
        return {key: infos[raw] for key, raw in self.names.items() if raw in infos}

    def __getitem__(self, key: str) -> Tensor:
        return self._tensors[self.names[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def read_safetensors(path: Path) -> Checkpoint:
    """Read a file that is known to be one of safetensors, whatever its name."""
    index = read_index(path)
    names = official_names(index.keys)
    if not set(names) - set(KEPT_KEYS):
        raise CheckpointError(f"{path.name} holds no tensors at all. Download it again.")
    tensors = _Renamed(index.tensors, names)
    # Before formats are looked at that torch may not know.
    refuse_quantised(names, index.metadata, tensors, tensors.infos, path.name)
    for key, form in index.unknown.items():
        raise CheckpointError(
            f"{path.name} stores {key} as {form}, which is not supported; "
            f"needed is one of {', '.join(DTYPES)}. Use another file of these weights."
        )
    return _checkpoint(tensors, path, FileKind.SAFETENSORS, index.metadata)


def _read_pickle(path: Path, kind: FileKind) -> Checkpoint:
    found = open_pickled(path, kind)
    tensors = _Renamed(found, official_names(found))
    refuse_quantised(tensors, {}, tensors, tensors.infos, path.name)
    return _checkpoint(tensors, path, kind, {})


def _checkpoint(
    tensors: _Renamed,
    path: Path,
    kind: FileKind,
    metadata: Mapping[str, str],
) -> Checkpoint:
    """A file's tensors, its scales applied."""
    info = tensors.infos
    scaled = apply_scales(tensors, info, path.name)
    return Checkpoint(
        scaled.tensors if scaled else tensors,
        scaled.info if scaled else info,
        name=path.name,
        origin=Origin(path=path, kind=kind, num_scaled=scaled.number if scaled else 0),
        metadata=metadata,
    )
