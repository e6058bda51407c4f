"""Packages that only data sets need, fetched where they are used."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ..config import telemetry
from ..config.extras import install_extra
from ..errors import DatasetError


def require(module: str) -> ModuleType:
    """Import a package of the extra ``data``; ``DatasetError`` says how to get a missing one."""
    telemetry.switch_off()
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split(".")[0]:
            raise
        raise DatasetError(
            f"This needs the Python package {module}, which is not installed. "
            + install_extra("data")
        ) from error


@contextmanager
def refused_folder(folder: Path, what: str) -> Iterator[None]:
    """``DatasetError`` where transformers cannot load a model from a folder."""
    try:
        yield
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DatasetError(
            f"The folder '{folder}' holds no {what} that transformers can load ({reason}). Save "
            "the model there again with save_pretrained, or download its whole folder."
        ) from error
