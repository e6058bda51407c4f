"""Runs jobs one after the other in this process; ``runner_ray`` runs them on many machines."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from .settings import BuildSettings

Outcome = tuple[Any, str | None]
"""A job that is done, and its error in words if it has one."""


class Runner(Protocol):
    """Something that does jobs; results come in any order."""

    def __call__(
        self, worker: Callable[[str, BuildSettings], Any], out: str, settings: BuildSettings,
        jobs: Iterable[Any],
    ) -> Iterator[Outcome]:  # fmt: skip
        """Create workers, give them the jobs, and yield each finished one."""
        ...


def run_here(
    worker: Callable[[str, BuildSettings], Any], out: str, settings: BuildSettings,
    jobs: Iterable[Any],
) -> Iterator[Outcome]:  # fmt: skip
    """Do the jobs in this process."""
    work = worker(out, settings)
    for job in jobs:
        yield job, work(job)
