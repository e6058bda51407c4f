"""Goldens are computed as a clip is drawn: nothing records gradients."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    """Training computes some layers in another way."""
    with torch.no_grad():
        yield
