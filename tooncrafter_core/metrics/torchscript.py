"""Looks into a TorchScript file before it is loaded: it is a program, and may only compute.

Loading runs parts of such a file already, so its source is searched as text. Operators that reach
files or print, and operators from outside of torch, are refused. This is no sandbox: only files
from a source that you trust should be given.
"""

import re
import struct
import zipfile
import zlib
from pathlib import Path

from ..errors import EvaluationError

LONGEST_SOURCE = 16 << 20
"""Bytes of a program's source; I3D's takes a hundredth."""

_REACHES_OUT = re.compile(
    r"\b(?:torch|ops\.aten|ops\.prim)\.(\w*(?:file|save|load|write|open|print|exec|import|profile)\w*)"
    r"|\bops\.(?!aten\.|prim\.)(\w+\.\w+)|\b(print)\s*\(|\b(__setstate__|__getstate__)\b"
)  # fmt: skip


def check_torchscript(path: Path) -> None:
    """``EvaluationError`` for a file that is no TorchScript, or one that does more than compute."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [part for part in archive.infolist() if "/code/" in f"/{part.filename}"]
            parts = [part for part in parts if part.filename.endswith(".py")]
            if not parts or sum(part.file_size for part in parts) > LONGEST_SOURCE:
                raise no_torchscript(path, "it has no source of a size that I3D's has")
            source = [archive.read(part).decode() for part in parts]
    except (zipfile.BadZipFile, OSError, struct.error, zlib.error, NotImplementedError,
            RuntimeError, EOFError, LookupError, ValueError) as error:  # fmt: skip
        if isinstance(error, EvaluationError):
            raise
        raise no_torchscript(path, "it cannot be opened as one") from error
    for text in source:
        if found := _REACHES_OUT.search(text):
            name = next(group for group in found.groups() if group)
            raise EvaluationError(
                f"'{path.name}' was not loaded: its program uses '{name}', which does more than "
                "compute features and could change files. Nothing was run. Take "
                "i3d_torchscript.pt of StyleGAN-V from a source that you trust."
            )


def no_torchscript(path: Path, reason: str) -> EvaluationError:
    """The error for a file that is no TorchScript."""
    return EvaluationError(
        f"'{path.name}' is not a TorchScript file ({reason}). FVD needs I3D as TorchScript, for "
        "instance i3d_torchscript.pt of StyleGAN-V."
    )
