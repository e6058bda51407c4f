"""Packages that only data sets need, fetched where they are used."""

from importlib import import_module
from types import ModuleType

from ..config import telemetry
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
            "Run: pip install 'tooncrafter[data]'"
        ) from error
