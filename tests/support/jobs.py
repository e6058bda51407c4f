"""Workers for tests of runners: a job is a file to write, and says what else happens."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tooncrafter_core.errors import CutError


@dataclass(frozen=True, kw_only=True)
class FileJob:
    """A file to write; ``what`` says what else happens."""

    path: str
    what: str = ""


@dataclass(kw_only=True)
class FileWorker:
    """Writes files and keeps count of how often each was begun."""

    dies_at_start: bool = False

    def __post_init__(self) -> None:
        if self.dies_at_start:
            os._exit(3)

    def is_done(self, job: FileJob) -> bool:
        """Whether the file is there."""
        return Path(job.path).exists()

    def __call__(self, job: FileJob) -> str | None:
        """Write the process and its variable into the file."""
        begun = Path(f"{job.path}.begun")
        times = len(begun.read_text()) if begun.exists() else 0
        begun.write_text("x" * (times + 1))
        if job.what == "error":
            return "wrong in itself"
        if job.what == "always dies" or (job.what == "dies once" and not times):
            os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        if job.what == "raises":
            raise CutError("a sentence")
        if job.what == "mistake":
            raise ZeroDivisionError
        if job.what == "naps":
            time.sleep(0.3)
        if job.what == "waits":
            time.sleep(60)
        Path(job.path).write_text(f"{os.getpid()} {os.environ.get('TOONCRAFTER_TEST_SLOT', '')}")
        return None


def times_begun(job: FileJob) -> int:
    """How often a job was begun."""
    return len(Path(f"{job.path}.begun").read_text())
