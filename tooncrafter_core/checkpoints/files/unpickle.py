"""Reads pickles with torch's restricted unpickler: tensors and plain containers, never code."""

import pickle
import re
import zipfile
from collections import OrderedDict
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from ...errors import CheckpointError, UnsafeCheckpointError
from .sniff import cut_short

_TRAINING_LEFTOVERS = re.compile(
    r"(omegaconf|pytorch_lightning|lightning|lightning_fabric|deepspeed|torchmetrics|numpy|pathlib)"
    r"\..*|argparse\.Namespace|typing\.\w+|collections\.defaultdict"
    r"|builtins\.(dict|list|tuple|set|int|float|str|bool)"
)
"""Names in the pickles of training frameworks beside the weights; ``_Inert`` stands in for them."""


class _Inert:
    """Takes the place of a training framework's object and does nothing."""

    def __new__(cls, *_args: Any, **_options: Any) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_args: Any, **_options: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


class _InertMapping:
    """Takes the place of dict-like leftovers; torch fills only plain mappings item by item."""

    def __new__(cls, *_args: Any, **_options: Any) -> OrderedDict[Any, Any]:
        return OrderedDict()


def load_pickle(path: Path, is_mapped: bool) -> Any:
    """Read a pickle with torch's restricted unpickler, its tensors mapped if ``is_mapped``.

    ``CheckpointError`` tells its many errors in our words, ``UnsafeCheckpointError`` that it names
    code; nothing of it is run.
    """
    size = path.stat().st_size
    if is_mapped and not zipfile.is_zipfile(path):
        raise cut_short(path, size, None)
    try:
        with _inert_training_leftovers(path) if is_mapped else nullcontext():
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_mapped)
    except pickle.UnpicklingError as error:
        raise _refused(path, str(error)) from error
    except EOFError as error:
        raise cut_short(path, size, None) from error
    except (RuntimeError, OSError) as error:
        message = str(error)
        if "central directory" in message or "EOF" in message or "corrupt" in message:
            raise cut_short(path, size, None) from error
        raise CheckpointError(
            f"{path.name} cannot be read as a torch checkpoint ({message.splitlines()[0][:150]}). "
            "Download it again, or use a .safetensors file of the same weights."
        ) from error
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, AssertionError) as error:
        # What the unpickler stumbles over in bytes that are no pickle at all.
        raise CheckpointError(
            f"{path.name} is damaged: its contents are no torch checkpoint. Download it again."
        ) from error


def _inert_training_leftovers(path: Path) -> Any:
    """Read known training leftovers as objects that do nothing; the rest stays refused."""
    serialization = torch.serialization
    if not hasattr(serialization, "get_unsafe_globals_in_checkpoint"):  # torch before 2.6
        return nullcontext()
    try:
        names = serialization.get_unsafe_globals_in_checkpoint(path)
    except (pickle.UnpicklingError, EOFError, ValueError):
        return nullcontext()
    return serialization.safe_globals(
        [
            (_InertMapping if name.lower().endswith("dict") else _Inert, name)
            for name in names
            if _TRAINING_LEFTOVERS.fullmatch(name)
        ]
    )


def _refused(path: Path, message: str) -> CheckpointError:
    """The error for a pickle that torch's restricted unpickler would not read."""
    name = re.search(r"GLOBAL (\S+)", message)
    if name is None and re.search("truncated|magic number|EOF", message):
        return cut_short(path, path.stat().st_size, None)
    wanted = (
        f"it asks for '{name[1]}'" if name else "it uses instructions that plain weights do not"
    )
    return UnsafeCheckpointError(
        f"{path.name} was not opened: reading it could run code ({wanted}). Nothing was run. "
        "Get the weights as .safetensors from a source you trust, or have whoever made the file "
        "save only its state_dict."
    )
