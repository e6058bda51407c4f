"""What came of the groups of tests: counted, and summed up in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from devtools.console import heading, say
from devtools.hosts import added_versions


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


@dataclass(frozen=True)
class Result:
    """What came of one group."""

    title: str
    """Of the group."""
    counts: Counts
    seconds: float = 0.0
    text: str = ""
    """What it said, where that was not shown at once."""
    has_host: bool = False
    """Whether it runs in a ComfyUI."""
    is_tested: bool = True
    """False where its ComfyUI could not be had."""


def read_counts(report: Path) -> Counts:
    """Read pytest's own report of what it ran."""
    total = Counts()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        total += Counts(tests - failures - errors - skipped, failures + errors, skipped)
    return total


def sum_up(results: Iterable[Result]) -> int:
    """Say what every group gave; gives the exit code."""
    heading("summary")
    total = Counts()
    results = list(results)
    for result in results:
        came = f"{result.counts} in {result.seconds:.0f} s" if result.is_tested else "not tested"
        say(f"{result.title}: {came}")
        total += result.counts
    if total.passed + total.failed == 0:
        say("no test ran, which counts as a failure")
    if any(one.has_host and one.is_tested for one in results) and not added_versions():
        say("only the ComfyUI versions of PyPI were tested; 'dev.py host add' takes newer ones")
    left = [result.title for result in results if not result.is_tested]
    say(f"{total}; not tested: {', '.join(left)}" if left else str(total))
    return 1 if total.failed or total.passed == 0 else 0
