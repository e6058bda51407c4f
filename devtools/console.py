"""What the commands say, and how they start other programs."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


class DevError(Exception):
    """Something the person at the keyboard has to know or do; shown without a traceback."""


def say(text: str) -> None:
    """Print at once, in order with what the programs started from here print."""
    print(text, flush=True)


def warn(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr, flush=True)


def heading(text: str) -> None:
    """Print a heading."""
    say(f"\n==== {text} ====")


def child_environment(**changes: str) -> dict[str, str]:
    """Give the variables for a program that computes: all cores, no network, no dialogue.

    ``PYTHONPATH`` among the changes stands before the project's own folders.
    """
    environment = {**os.environ, **changes}
    environment.setdefault("OMP_NUM_THREADS", str(min(os.cpu_count() or 1, 8)))
    environment.setdefault("TOKENIZERS_PARALLELISM", "false")
    environment.setdefault("HF_HUB_OFFLINE", "1")
    paths = [changes.get("PYTHONPATH", ""), str(PROJECT / "tests"), str(PROJECT)]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    environment["PYTHONUTF8"] = "1"
    return environment


def run(command: Sequence[str | Path], **changes: str) -> int:
    """Run a program in the project's folder and give its exit code."""
    try:
        return subprocess.call(
            [str(part) for part in command],
            cwd=PROJECT,
            env=child_environment(**changes),
            stdin=subprocess.DEVNULL,
        )
    except KeyboardInterrupt:
        return 130
