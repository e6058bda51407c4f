"""The groups of tests, each in a process of its own."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from devtools.browser import ensure_browser
from devtools.console import PROJECT, DevError, child_environment, heading, say
from devtools.environment import python
from devtools.hosts import added_versions, ensure_host, versions

SUITE_TIMEOUT = 1800.0
MOST_WORKERS = 4  # each holds about 2.5 GB
NO_TESTS = 5  # pytest's exit code for "nothing collected"


@dataclass(frozen=True)
class Suite:
    """One run of pytest."""

    title: str
    folders: tuple[str, ...]
    host: str | None = None
    has_browser: bool = False
    is_asked_for: bool = False
    """Whether the person named its ComfyUI."""


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


def all_suites(only: Sequence[str] = ()) -> list[Suite]:
    """Give every group: the project's own, each ComfyUI that is there, the page of the newest.

    ``only`` keeps these versions of ComfyUI.
    """
    chosen = [version for version in versions() if not only or version in only]
    newest, is_asked = chosen[-1], bool(only)
    return [
        Suite("unit and golden tests", ("tests/unit", "tests/golden", "tests/gpu")),
        *(Suite(f"ComfyUI {v}", ("tests/comfyui",), v, False, is_asked) for v in chosen),
        Suite(f"browser, ComfyUI {newest}", ("tests/browser",), newest, True, is_asked),
    ]


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
            chosen.append(replace(suite, folders=mine))
    if not chosen:
        raise DevError(f"{paths} belongs to no group of tests; they are in tests/.")
    return chosen, others


def shared_out(suite: Suite, cores: int) -> tuple[list[str], dict[str, str]]:
    """Give pytest's options and the variables that share a group out to processes, by file.

    Most tests are many small operations: two processes of one thread need half the time of one
    process of two threads. A page in a browser waits for seconds of its own and has the machine
    for itself. ``-n 0`` among a person's arguments comes later and wins.
    """
    workers = 1 if suite.has_browser else min(cores, MOST_WORKERS)
    if workers == 1:
        return [], {}
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, min(cores, 8) // workers)))
    return ["-n", str(workers), "--dist", "loadfile"], {"OMP_NUM_THREADS": threads}


def run_suite(suite: Suite, arguments: Sequence[str]) -> Counts:
    """Run one group of tests in processes of its own."""
    folders = [name for name in suite.folders if (PROJECT / name.split("::")[0]).exists()]
    heading(f"{suite.title}: {' '.join(folders) or 'no such tests yet'}")
    if not folders:
        return Counts()
    sharing, changes = shared_out(suite, os.cpu_count() or 1)
    if suite.host is not None:
        try:
            changes |= ensure_host(suite.host).changes
        except DevError as error:
            say(f"ComfyUI {suite.host} is not tested: {error}")
            return Counts(failed=1 if suite.is_asked_for else 0)
    if suite.has_browser and (browser := ensure_browser()):
        changes["TOONCRAFTER_BROWSER"] = browser
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [python(), "-m", "pytest", *folders, f"--junitxml={report}", *sharing, *arguments]
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


def run_suites(arguments: Sequence[str]) -> int:
    """Run every group of tests, one after the other, and sum up."""
    only, arguments = take_hosts(arguments)
    suites, others = select(all_suites(only), arguments)
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
    if not added_versions():
        say("only the ComfyUI versions of PyPI were tested; 'dev.py host add' takes newer ones")
    say(str(total))
    return 1 if total.failed or total.passed == 0 else 0


def take_hosts(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split off the versions of ComfyUI that ``--host`` names, one each time."""
    only: list[str] = []
    others: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--host" or word.startswith("--host="):
            version = word.partition("=")[2] or next(words, "")
            if version not in versions():
                raise DevError(
                    f"There is no ComfyUI '{version}' here; choose from {', '.join(versions())}."
                )
            only.append(version)
        else:
            others.append(word)
    return only, others
