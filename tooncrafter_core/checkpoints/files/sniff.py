"""Recognises a file by its first bytes, for the errors that name what was found."""

import struct
from enum import Enum
from pathlib import Path

from ...errors import CheckpointError
from .identity import open_weights
from .quantised import not_read

MAX_HEADER = 100_000_000
"""Longer safetensors headers are not headers (the format's own limit)."""


class FileKind(Enum):
    """The form in which a weight file is stored."""

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
"""The form that each file extension requires."""


def file_kind(path: Path) -> FileKind:
    """Say how a weight file is stored, by its content.

    ``CheckpointError`` when it is missing, a directory, empty, named as something else or holds
    no weights.
    """
    if _is_folder(path):
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
    with open_weights(path) as file:
        return file.read(size)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # names that no disk takes, which opening says
        return False


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
