"""What tests on a GPU share: the device, and float32 that is float32."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The GPU."""
    assert torch.cuda.is_available(), "--gpu was given, but torch finds no GPU here"
    return torch.device("cuda")


@pytest.fixture(autouse=True)
def exact_float32() -> Iterator[None]:
    """Products of float32 are not rounded to TF32, and nothing records gradients."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    with torch.no_grad():
        yield
    cudnn.allow_tf32, matmul.allow_tf32 = before
