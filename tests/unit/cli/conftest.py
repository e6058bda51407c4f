"""Files that the tests of several commands read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from support.checkpoints import tiny_tensors, write_checkpoint
from support.tiny import tiny_models, write_tiny
from tooncrafter_core.interpolation.session import Session


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two keyframes and the tiny checkpoint, for reading only."""
    folder = tmp_path_factory.mktemp("inputs")
    for name, size in (("start", (90, 70)), ("end", (64, 100))):
        pixels = np.random.RandomState(len(name)).randint(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    write_tiny(folder / "tiny.safetensors")
    return folder


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are already loaded, for tests of what comes after."""
    monkeypatch.setattr(Session, "models", tiny_models())


@pytest.fixture(scope="session")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint without encoders, in half precision."""
    tensors = tiny_tensors(dtype=torch.float16, with_encoders=False)
    return write_checkpoint(
        tensors, tmp_path_factory.mktemp("pruned") / "pruned.safetensors", "safetensors"
    )
