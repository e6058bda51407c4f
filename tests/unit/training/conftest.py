"""The smallest model as a file, once for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.training import write_smallest


@pytest.fixture(scope="session")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the smallest model."""
    return write_smallest(tmp_path_factory.mktemp("smallest") / "smallest.safetensors")


@pytest.fixture(autouse=True)
def _new_accelerator() -> Iterator[None]:
    """Let every test set accelerate up anew: it keeps one state for the whole process."""
    yield
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
