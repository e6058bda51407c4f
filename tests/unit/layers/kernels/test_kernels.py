"""The fused kernels give what torch gives, run by Triton's interpreter on the CPU."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[3]

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is made for Linux only"
)


@needs_triton
def test_kernels_give_what_torch_gives() -> None:
    # Triton decides when it is first read how kernels run, so they need a process of their own.
    done = subprocess.run(
        [sys.executable, "-m", "support.fused"], capture_output=True, text=True, check=False,
        cwd=TESTS, env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(TESTS.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) > 50, "cases were computed"
