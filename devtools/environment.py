"""The project's environment in `.venv`, made in two parts: one that runs, one that also tests."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

from devtools import packages
from devtools.console import PROJECT, DevError, heading, say

ENVIRONMENT = PROJECT / ".venv"
COMPILED = (".so", ".pyd", ".dll", ".dylib")
COMPAT_HOOK = PROJECT / "tests" / "support" / "torchvision_without_cuda.py"


@dataclass(frozen=True)
class Part:
    """A part of the environment, complete when its stamp says so."""

    name: str
    wanted: tuple[str, ...]
    alone: tuple[str, ...]
    """Installed without what they ask for."""
    note: str

    @property
    def stamp(self) -> Path:
        """The file that says what was installed."""
        return ENVIRONMENT / f"tooncrafter-{self.name}.txt"

    def fingerprint(self) -> str:
        """A hash of everything that decides what this part holds."""
        digest = hashlib.sha256("\n".join([sys.version, *self.wanted, *self.alone]).encode())
        digest.update(COMPAT_HOOK.read_bytes())
        return digest.hexdigest()

    def is_there(self) -> bool:
        """Whether it is installed as it should be."""
        stamp = self.stamp
        return stamp.exists() and stamp.read_text(encoding="utf-8") == self.fingerprint()


RUNNING = Part(
    name="running",
    wanted=(*packages.TORCH, *packages.CORE, *packages.COMFYUI, *packages.CLIENT),
    alone=(packages.TORCHAUDIO,),
    note="torch, ComfyUI's packages and ours, once",
)
TESTING = Part(
    name="testing",
    wanted=(*packages.DATA, *packages.TRAIN, *packages.TOOLS),
    alone=packages.EVALUATION,
    note="data sets, training, the tests' tools, once",
)


def python() -> str:
    """Give the environment's Python."""
    return str(script("python"))


def script(name: str) -> Path:
    """Give a program of the environment."""
    if os.name == "nt":
        return ENVIRONMENT / "Scripts" / f"{name}.exe"
    return ENVIRONMENT / "bin" / name


def pip(*arguments: str) -> str:
    """Run the environment's pip and give its output; only its errors are shown."""
    command = [python(), "-m", "pip", "--disable-pip-version-check", *arguments, "-qq"]
    result = subprocess.run(
        command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    if result.returncode != 0:
        raise DevError(
            f"pip {' '.join(arguments[:2])} ended with code {result.returncode}; its message "
            "is above. Check the network and the free disk space, then run the command again: "
            "what was installed stays."
        )
    return result.stdout


def ensure_environment(*, for_tests: bool) -> None:
    """Make or complete `.venv`; nothing happens when it is as it should be."""
    if sys.version_info < (3, 10):  # noqa: UP036 - pip would say it in far more words
        raise DevError(f"This needs Python 3.10 or newer, found {sys.version.split()[0]}.")
    for part in (RUNNING, TESTING) if for_tests else (RUNNING,):
        if part.is_there():
            continue
        begin = time.monotonic()
        heading(f"installing into .venv: {part.note}")
        if not Path(python()).exists():
            # As `python -m venv` does: a copied Python does not find its libraries on every system.
            venv.create(ENVIRONMENT, with_pip=True, symlinks=os.name != "nt")
        pip("install", *part.wanted)
        pip("install", "--no-deps", *part.alone)
        adapt_packages(site_packages())
        part.stamp.write_text(part.fingerprint(), encoding="utf-8")
        say(f"done after {time.monotonic() - begin:.0f} s")


def site_packages() -> Path:
    """Give the folder into which the environment installs packages."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([python(), "-c", code], text=True).strip())


def adapt_packages(folder: Path) -> None:
    """Make packages that were built for another torch importable with this one."""
    shutil.copyfile(COMPAT_HOOK, folder / COMPAT_HOOK.name)
    name = COMPAT_HOOK.stem
    line = f"import {name}; {name}.install()\n"
    (folder / f"{name}.pth").write_text(line, encoding="utf-8")
    # The compiled part of torchaudio is optional, but only when it is absent.
    for compiled in (folder / "torchaudio" / "lib").glob("*"):
        if compiled.suffix in COMPILED:
            compiled.unlink()
    # ComfyUI looks for this folder; the package that has it weighs hundreds of MB.
    (folder / "comfyui_workflow_templates" / "templates").mkdir(parents=True, exist_ok=True)
