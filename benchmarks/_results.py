"""One JSON line a result: what was measured, on what, with which versions."""

import argparse
import json
import platform
import subprocess
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import torch

from tooncrafter_core.files import Place, check_places

RESULTS = Path(__file__).with_name("results")

Result = dict[str, Any]

MEASURED = ("models", "diffusion", "operations.py", "guided_denoiser.py", "decoding.py")
"""Of the core: what the figures depend on."""


def _commit() -> str:
    """The commit that is measured, with a mark when what is measured differs from it."""
    root = Path(__file__).parents[1]

    def git(*words: str) -> str:
        command = ["git", *words]
        return subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.strip()

    try:
        paths = [f"tooncrafter_core/{name}" for name in MEASURED]
        changed = git("status", "--porcelain", "--untracked-files=no", *paths)
        return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+" if changed else "")
    except OSError:
        return "unknown"


def device_name(device: torch.device) -> str:
    """The device in words; figures of two machines of one name may be compared."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, threads: {torch.get_num_threads()}"


class Report:
    """Prints results as they come and writes each to a file at once."""

    def __init__(self, path: Path | None, **shared: Any) -> None:
        self.path, self.results = path, list[Result]()
        self._shared = {"commit": _commit(), "date": str(date.today()), **shared}
        if path is not None:
            # Earlier results of the same kind of file are replaced, and nothing else.
            check_places([Place(option="--out", at=path)], overwrite=path.suffix == ".jsonl")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", "utf-8")

    def add(self, name: str, *, device: torch.device, **values: Any) -> Result:
        """Note one result."""
        versions = {"torch": torch.__version__, "python": platform.python_version()}
        if device.type == "cuda":
            versions["cuda"] = str(torch.version.cuda)
        result = {
            "name": name, **values, "device": device_name(device), **versions, **self._shared
        }  # fmt: skip
        self.results.append(result)
        shown = {key: value for key, value in values.items() if key != "kernels"}
        print(f"{name:34}", *(f"{key}={_short(value)}" for key, value in shown.items()), flush=True)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
        return result


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def read(path: Path) -> list[Result]:
    """All results of a file."""
    return list(_lines(path.read_text("utf-8").splitlines()))


def _lines(lines: Iterable[str]) -> Iterator[Result]:
    return (json.loads(line) for line in lines if line.strip())


def clip_options(description: str | None, clips: int) -> argparse.Namespace:
    """The options of a benchmark that draws ``clips`` clips by default."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--clips", type=int, default=clips, help="how many; the figures are their mean"
    )
    parser.add_argument("--out", type=Path, help="file for the results, one JSON line each")
    return parser.parse_args()
