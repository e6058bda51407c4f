"""Tells from its first bytes what a file is, for the errors that name what was found."""

import json
import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ...errors import CheckpointError
from .quantised import not_read

MAX_HEADER = 100_000_000
"""Longer safetensors headers are not headers (the format's own limit)."""


class FileKind(Enum):
    """How a weight file is stored."""

    SAFETENSORS = "safetensors"
    PICKLE = "torch checkpoint"
    LEGACY_PICKLE = "torch checkpoint from before torch 1.6"


EXTENSIONS: dict[str, tuple[FileKind, ...]] = {
    ".safetensors": (FileKind.SAFETENSORS,),
    ".sft": (FileKind.SAFETENSORS,),
    ".ckpt": (FileKind.PICKLE, FileKind.LEGACY_PICKLE),
    ".pt": (FileKind.PICKLE, FileKind.LEGACY_PICKLE),
    ".pth": (FileKind.PICKLE, FileKind.LEGACY_PICKLE),
    ".bin": (FileKind.PICKLE, FileKind.LEGACY_PICKLE),
}
"""What a file of each name must be inside."""


@dataclass(frozen=True)
class SafetensorsHeader:
    """The index at the start of a safetensors file."""

    entries: dict[str, dict[str, Any]]
    metadata: dict[str, str]


def file_kind(path: Path) -> FileKind:
    """Say how a weight file is stored, by its content.

    ``CheckpointError`` when it is missing, a directory, empty, named as something else or holds
    no weights.
    """
    if not path.exists():
        raise CheckpointError(f"There is no file {path}. Check the name and the folder.")
    if path.is_dir():
        raise CheckpointError(
            f"{path} is a folder; a weight file is needed. Choose the .safetensors or .ckpt in it."
        )
    if path.suffix.lower() == ".gguf":
        raise not_read(path.name, "GGUF")
    if path.suffix.lower() not in EXTENSIONS:
        raise CheckpointError(
            f"{path.name} ends in '{path.suffix}'; weights come as "
            f"{', '.join(EXTENSIONS)}. Choose such a file."
        )
    head = read_head(path)
    if not head:
        raise CheckpointError(
            f"{path.name} is empty (0 bytes); a weight file is needed. Download it again."
        )
    if head.startswith(b"GGUF"):
        raise not_read(path.name, "GGUF")
    kind = _kind_by_magic(head)
    if kind is None:
        raise CheckpointError(
            f"{path.name} holds {_describe(head)}, not weights; the download probably went wrong. "
            "Download the file itself again and compare its size with the one on the web page."
        )
    if kind not in EXTENSIONS[path.suffix.lower()]:
        better = ".safetensors" if kind is FileKind.SAFETENSORS else ".ckpt"
        raise CheckpointError(
            f"{path.name} is named {path.suffix} but is a {kind.value} inside; "
            f"rename it to {better}."
        )
    return kind


def read_head(path: Path, size: int = 512) -> bytes:
    """Read the first bytes of a file; ``CheckpointError`` when it may not be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}). Check its permissions."
        ) from error


def read_safetensors_header(path: Path) -> SafetensorsHeader:
    """Read the index of a safetensors file and compare it with the file's size.

    ``CheckpointError`` when the file is cut short or its index is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        text = file.read(length)
    if len(text) < length:
        raise cut_short(path, size, 8 + length, at_least=True)
    try:
        entries: dict[str, Any] = json.loads(text)
        metadata = entries.pop("__metadata__", {})
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError(
            f"{path.name} has a damaged index and cannot be read as safetensors. Download it again."
        ) from error
    if size < 8 + length + end:
        raise cut_short(path, size, 8 + length + end)
    return SafetensorsHeader(entries, dict(metadata))


def cut_short(path: Path, size: int, needed: int | None, at_least: bool = False) -> CheckpointError:
    """The error for a file that ends too early, with the sizes where they are known."""
    wanted = "" if needed is None else f" of {'at least ' if at_least else ''}{needed:,}"
    return CheckpointError(
        f"{path.name} is cut short or damaged: it has {size:,}{wanted} bytes. Download it again."
    )


def _kind_by_magic(head: bytes) -> FileKind | None:
    if head.startswith(b"PK\x03\x04"):
        return FileKind.PICKLE
    if len(head) > 8 and struct.unpack("<Q", head[:8])[0] <= MAX_HEADER and head[8:9] == b"{":
        return FileKind.SAFETENSORS
    if head[0] == 0x80 and len(head) > 1 and head[1] <= 5:
        return FileKind.LEGACY_PICKLE
    return None


def _describe(head: bytes) -> str:
    start = head.lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer (a note in place of the file)"
    if start.startswith((b"<!doctype", b"<html")):
        return "a web page"
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 512 else "ignore")
    except UnicodeDecodeError:
        return "unknown binary data"
    if "\x00" in text or len(text) < 0.9 * len(head):
        return "unknown binary data"
    return f"text (it begins '{' '.join(text.split())[:40]}')"
