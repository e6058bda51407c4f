"""The groups of tests, each in a process of its own."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from devtools.browser import ensure_browser
from devtools.console import PROJECT, DevError, child_environment, heading, say
from devtools.counts import Counts, Result, read_counts, sum_up
from devtools.environment import python
from devtools.hosts import ensure_host, versions

SUITE_TIMEOUT = 1800.0
MOST_WORKERS = 4  # each holds about 2.5 GB
NO_TESTS = 5  # pytest's exit code for "nothing collected"
TESTS = PurePosixPath("tests")
VALUED = {"-k", "-m", "-n", "-p", "-o", "-c", "-W", "--ignore", "--ignore-glob", "--deselect",
          "--maxfail", "--durations", "--tb", "--dist", "--rootdir", "--basetemp"}  # fmt: skip
"""Options of pytest whose value is the next word, and so no path of tests to run."""


@dataclass(frozen=True)
class Suite:
    """One run of pytest."""

    title: str
    folders: tuple[str, ...]
    host: str | None = None
    has_browser: bool = False
    is_asked_for: bool = False
    """Whether the person named its ComfyUI."""
    is_between: bool = False
    """Whether an older and a newer ComfyUI are tested as well: then what takes long is left out."""

    @property
    def there(self) -> list[str]:
        """Those of its folders and files that exist."""
        return [name for name in self.folders if (PROJECT / name.split("::")[0]).exists()]

    def has(self, path: str) -> bool:
        """Whether a path of tests lies in one of its folders."""
        file = PurePosixPath(path.partition("::")[0])
        return any(file.is_relative_to(folder) for folder in self.folders)


def all_suites(only: Sequence[str] = ()) -> list[Suite]:
    """Give every group: the project's own, each ComfyUI that is there, the page of the newest.

    ``only`` keeps these versions of ComfyUI.
    """
    chosen = [version for version in versions() if not only or version in only]
    newest, is_asked = chosen[-1], bool(only)
    # A ComfyUI that was named runs everything.
    ends = chosen if only else (chosen[0], newest)
    return [
        Suite("unit and golden tests", ("tests/unit", "tests/golden", "tests/gpu")),
        *(
            Suite(f"ComfyUI {v}", ("tests/comfyui",), v, False, is_asked, v not in ends)
            for v in chosen
        ),
        Suite(f"browser, ComfyUI {newest}", ("tests/browser",), newest, True, is_asked),
    ]


def select(suites: Iterable[Suite], arguments: Sequence[str]) -> tuple[list[Suite], list[str]]:
    """Keep what the arguments name; ``DevError`` for a path that is not there or in no group."""
    paths, others = split_paths(arguments)
    suites = list(suites)
    for path in paths:
        file = PurePosixPath(path.partition("::")[0])
        if not (PROJECT / file).exists():
            raise DevError(f"There is no '{file}': a name of a test or its folder is misspelt.")
        if file != TESTS and not any(suite.has(path) for suite in suites):
            folders = sorted({name for suite in suites for name in suite.folders})
            raise DevError(
                f"'{path}' belongs to no group of tests; these are {', '.join(folders)}."
            )
    if not paths or str(TESTS) in paths:
        return suites, others
    chosen = [(suite, tuple(filter(suite.has, paths))) for suite in suites]
    return [replace(suite, folders=mine) for suite, mine in chosen if mine], others


def split_paths(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the paths of tests, from the project's folder on, from pytest's other words."""
    paths: list[str] = []
    others: list[str] = []
    for before, word in zip(("", *arguments), arguments, strict=False):
        name, colons, test = word.partition("::")
        place = Path(name)
        if place.is_relative_to(PROJECT):
            place = place.relative_to(PROJECT)
        if before not in VALUED and place.parts[:1] == TESTS.parts:
            paths.append(place.as_posix() + colons + test)
        else:
            others.append(word)
    return paths, others


def is_dialogue(arguments: Sequence[str]) -> bool:
    """Whether pytest is asked to wait for what a person types."""
    return bool({"--pdb", "--trace"} & set(arguments))


def shared_out(suite: Suite, cores: int) -> tuple[list[str], dict[str, str]]:
    """Give pytest's options and the variables that share a group out to processes, by file.

    Most tests are many small operations: two processes of one thread need half the time of one
    process of two threads. The pages in a browser are tried one after the other. ``-n 0`` among a
    person's arguments comes later and wins. A dialogue needs one process.
    """
    workers = 1 if suite.has_browser else min(cores, MOST_WORKERS)
    if workers == 1:
        return [], {}
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, min(cores, 8) // workers)))
    # In the order of tests/conftest.py: xdist's own leaves long files of few tests for the end.
    order = "--no-loadscope-reorder"
    return ["-n", str(workers), "--dist", "loadfile", order], {"OMP_NUM_THREADS": threads}


def prepare(suite: Suite) -> dict[str, str] | None:
    """Have what a group needs: the variables for its process, or nothing where it cannot run."""
    try:
        changes = ensure_host(suite.host).changes if suite.host is not None else {}
    except DevError as error:
        say(f"ComfyUI {suite.host} is not tested: {error}")
        return None
    if suite.has_browser and (browser := ensure_browser()):
        changes = {**changes, "TOONCRAFTER_BROWSER": browser}
    return changes


def run_pytest(
    suite: Suite, changes: Mapping[str, str], arguments: Sequence[str], output: IO[bytes] | None
) -> Counts:
    """Run one group of tests in processes of its own; ``output`` takes what they say."""
    has_person = is_dialogue(arguments)
    sharing, threads = shared_out(suite, 1 if has_person else os.cpu_count() or 1)
    if suite.is_between:
        sharing = [*sharing, "--between"]
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command: list[str | Path] = [
            python(), "-m", "pytest", *suite.there, f"--junitxml={report}", *sharing, *arguments,
        ]  # fmt: skip
        try:
            code = subprocess.run(
                command,
                cwd=PROJECT,
                env=child_environment(**{**threads, **changes}),
                stdin=None if has_person else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                timeout=None if has_person else SUITE_TIMEOUT,
            ).returncode
        except subprocess.TimeoutExpired:
            say(f"{suite.title}: stopped, not done after {SUITE_TIMEOUT:.0f} s")
            return Counts(failed=1)
        counts = read_counts(report) if report.exists() else Counts()
    if code not in (0, NO_TESTS) and counts.failed == 0:
        say(f"{suite.title}: pytest ended with code {code} and names no failed test; counted as "
            "one failure")  # fmt: skip
        counts += Counts(failed=1)
    return counts


def missing(suite: Suite) -> Result:
    """Give what a group counts whose ComfyUI cannot be had: a failure where it was named."""
    failed = Counts(failed=1 if suite.is_asked_for else 0)
    return Result(suite.title, failed, has_host=True, is_tested=False)


def run_shown(suite: Suite, arguments: Sequence[str]) -> Result:
    """Run one group of tests, and show what it says as it comes."""
    heading(f"{suite.title}: {' '.join(suite.there)}")
    changes = prepare(suite)
    if changes is None:
        return missing(suite)
    begin = time.monotonic()
    counts = run_pytest(suite, changes, arguments, None)
    seconds = time.monotonic() - begin
    return Result(suite.title, counts, seconds, has_host=suite.host is not None)


def run_kept(suite: Suite, changes: Mapping[str, str], arguments: Sequence[str]) -> Result:
    """Run one group of tests with one thread, and keep what it says."""
    # Two busy programs with as many threads as cores each slow each other tenfold.
    changes = {"OMP_NUM_THREADS": "1", **changes}
    begin = time.monotonic()
    with tempfile.TemporaryFile() as output:
        counts = run_pytest(suite, changes, arguments, output)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    seconds = time.monotonic() - begin
    return Result(suite.title, counts, seconds, text, has_host=suite.host is not None)


def run_suites(arguments: Sequence[str]) -> int:
    """Run every group of tests, and sum up.

    The page in a browser waits for most of its time, so it is tried while the others run, and
    what it says is shown after them.
    """
    only, arguments = take_hosts(arguments)
    chosen, others = select(all_suites(only), arguments)
    suites = [suite for suite in chosen if suite.there]
    pages = [suite for suite in suites if suite.has_browser]
    if len(suites) == len(pages) or is_dialogue(others):
        return sum_up([run_shown(suite, others) for suite in suites])
    # Made ready here and now: two threads would fetch the same ComfyUI.
    ready = [(suite, prepare(suite)) for suite in pages]
    results = [missing(suite) for suite, changes in ready if changes is None]
    with ThreadPoolExecutor(1) as pool:
        kept = [
            pool.submit(run_kept, suite, changes, others)
            for suite, changes in ready
            if changes is not None
        ]
        results += [run_shown(suite, others) for suite in suites if not suite.has_browser]
        for result in (future.result() for future in kept):
            heading(result.title)
            say(result.text)
            results.append(result)
    return sum_up(results)


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
