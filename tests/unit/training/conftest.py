"""The smallest model as a file, once for all tests."""

from pathlib import Path

import pytest

from support.training import write_smallest


@pytest.fixture(scope="session")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the smallest model."""
    return write_smallest(tmp_path_factory.mktemp("smallest") / "smallest.safetensors")
