"""Runs jobs one after the other in this process; ``runner_ray`` runs them on many machines."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Job = TypeVar("Job")
JobOfWorker = TypeVar("JobOfWorker", contravariant=True)


class Worker(Protocol[JobOfWorker]):
    """Something that does one job at a time and keeps what it made in files."""

    def is_done(self, job: JobOfWorker, /) -> bool:
        """Whether the job's result is there."""
        ...

    def __call__(self, job: JobOfWorker, /) -> str | None:
        """Do the job; returns its error in words, if it has one."""
        ...


class Runner(Protocol):
    """Something that does jobs; results come in any order."""

    def __call__(
        self, make: Callable[[], Worker[Job]], jobs: Iterable[Job]
    ) -> Iterator[tuple[Job, str | None]]:
        """Make workers, give them the jobs, and yield each finished one with its error.

        ``make`` can be pickled: it makes a worker in every process.
        """
        ...


def run_here(
    make: Callable[[], Worker[Job]], jobs: Iterable[Job]
) -> Iterator[tuple[Job, str | None]]:
    """Do the jobs in this process."""
    work = make()
    for job in jobs:
        yield job, work(job)
