"""No package that we import reports on us: nothing leaves this machine, nothing is left in HOME.

Python's own sockets are seen by an audit hook. What compiled code does, as in ONNX Runtime, raises
no audit event; strace sees it, and is used where it is on the search path.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.films import drawn_film, encode
from tooncrafter_core.config import telemetry

ROOT = Path(__file__).parents[3]

HOOK = """
import sys
def watch(event, args):
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        if isinstance(address, tuple) and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
            sys.stderr.write(f"REACHED OUT: {event} {address}\\n")
    if event == "socket.getaddrinfo" and args[0] not in (None, "", "127.0.0.1", "::1", "localhost"):
        sys.stderr.write(f"REACHED OUT: {event} {args[0]}\\n")
sys.addaudithook(watch)
"""

IMPORTS = """
from tooncrafter_core.data.extras import require
for name in ("cv2", "onnxruntime", "pyarrow.parquet", "rapidocr", "scenedetect", "skia",
             "transformers", "webdataset"):
    require(name)
"""

NETWORKS = """
import torch
from kornia.filters import canny, gaussian_blur2d
from torchvision.models.optical_flow import raft_small
from tooncrafter_core.models.clip.tokens import tokenize
from tooncrafter_core.training.settings.config import MachineConfig
from tooncrafter_core.training.loop.machine import make_accelerator
from torch.utils.tensorboard import SummaryWriter

assert tokenize(["a cat"]).shape == (1, 77)
gaussian_blur2d(torch.zeros(1, 1, 16, 16), (3, 3), (1.0, 1.0))
canny(torch.zeros(1, 1, 16, 16))
raft_small()
make_accelerator(MachineConfig(device="cpu"), 1)
with SummaryWriter("tensorboard") as writer:
    writer.add_scalar("loss", 1.0, 1)
"""

RAY = """
from tooncrafter_core.data.extras import require
require("ray")
require("ray.data")
from ray._common.usage import usage_lib
assert not usage_lib.usage_stats_enabled()
"""

BUILD = """
import sys
from tooncrafter_core.cli import main
sys.exit(main(["dataset", "build", "film.mp4", "-o", "set", "--quiet"]))
"""


def quiet_run(code: str, folder: Path) -> list[str]:
    """Run statements with an empty HOME; what they reached out to, and what they left in HOME."""
    home, trace = folder / "home", folder / "trace"
    home.mkdir()
    command = [sys.executable, "-c", HOOK + code]
    if strace := shutil.which("strace"):
        command = [strace, "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(trace), *command]
    environment = {
        name: value for name, value in os.environ.items()
        if name not in telemetry.SWITCHES and not name.startswith(("HF_", "XDG_", "RAY_"))
    } | {"HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [line for line in done.stderr.splitlines() if line.startswith("REACHED OUT")]
    for line in trace.read_text("utf-8", "replace").splitlines() if trace.exists() else ():
        address = re.search(r'sin6?_port=htons\((\d+)\).*?"([^"]+)"', line)
        if address and not address[2].startswith(("127.", "::1")):
            found.append(f"strace: {line}")
    return found + [str(path.relative_to(home)) for path in sorted(home.rglob("*"))]


@pytest.mark.parametrize("code", [IMPORTS, NETWORKS, RAY], ids=["imports", "networks", "ray"])
def test_importing_what_we_use_reaches_nobody_and_leaves_nothing(tmp_path: Path, code: str) -> None:
    assert quiet_run(code, tmp_path) == []


def test_building_a_data_set_reaches_nobody_and_leaves_nothing(tmp_path: Path) -> None:
    """Its OCR runs, which once asked for a host of ONNX Runtime's makers."""
    encode(tmp_path / "film.mp4", drawn_film([1, 2], 30))
    assert quiet_run(BUILD, tmp_path) == []
    assert (tmp_path / "set" / "manifest.parquet").is_file()


def test_what_the_person_says_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in telemetry.SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    telemetry.switch_off()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
