"""The networks give what the official ones compute when the fused kernels compute them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[3]
GOLDENS = ("test_networks_goldens.py", "test_autoencoder_goldens.py")


@pytest.mark.slow
def test_goldens_hold_through_the_kernels() -> None:
    pytest.importorskip("triton", reason="Triton is made for Linux only")
    # By Triton's interpreter, which takes half an hour; in a process of its own, see
    # test_kernels.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "support.fused_everywhere",
         *(str(TESTS / "golden" / name) for name in GOLDENS)],
        capture_output=True, text=True, check=False, cwd=TESTS.parent,
        env={**os.environ, "TRITON_INTERPRET": "1",
             "PYTHONPATH": os.pathsep.join(map(str, (TESTS.parent, TESTS)))},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    launched = re.search(r"(\d+) kernels launched", done.stdout)
    assert launched and int(launched[1]) > 1000, done.stdout
