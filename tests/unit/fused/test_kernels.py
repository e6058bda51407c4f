"""The fused kernels give what torch gives, run by Triton's interpreter on the CPU."""

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch

from support.fused import TOLERANCES, cases, deviation

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is made for Linux only"
)


@pytest.fixture(scope="module")
def launch() -> Iterator[ModuleType]:
    """The kernels, read and run by Triton's interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        from tooncrafter_core.fused import launch

        yield launch


@needs_triton
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_kernels_give_what_torch_gives(launch: ModuleType, dtype: torch.dtype) -> None:
    wrong = [
        f"{case.name}: {difference:.2g}"
        for case in cases(launch, dtype, torch.device("cpu"))
        if not (difference := deviation(case.found(), case.expected)) < TOLERANCES[dtype]
    ]
    assert not wrong, "\n".join(wrong)
