"""What every runner of jobs takes and gives, and the one that works in this process.

``processes`` runs jobs in several processes of this machine, ``cluster`` on many machines.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

Job = TypeVar("Job")
JobOfWorker = TypeVar("JobOfWorker", contravariant=True)

MOST_TRIES = 3
"""How often a job is begun whose worker was lost before it had an answer."""
UNEXPECTED = "its worker ended with an error that is no fault of the input; what it wrote says more"
"""The error of a job whose worker raised what is no ``ToonCrafterError``."""


class Worker(Protocol[JobOfWorker]):
    """Something that does one job at a time and keeps what it made in files."""

    def is_done(self, job: JobOfWorker, /) -> bool:
        """Whether the job's result is there."""
        ...

    def __call__(self, job: JobOfWorker, /) -> str | None:
        """Do the job; returns its error in words, if it has one.

        A job with an error is not tried again: the same job would fail again. A
        ``ToonCrafterError`` that is raised, such as that of a full disk, ends the whole run.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome(Generic[Job]):
    """A job that has ended."""

    job: Job
    error: str | None = None
    """What is wrong with it, in words."""
    seconds: float = 0.0
    """How long it took, without loading."""
    worker: str = "0"
    """Who did it: a number, on a cluster with the machine's name."""
    tries: int = 1
    """How often it was begun: more than once where workers were lost."""


class Runner(Protocol):
    """Something that does jobs; outcomes come in any order."""

    def __call__(
        self, make: Callable[[], Worker[Job]], jobs: Iterable[Job]
    ) -> Iterator[Outcome[Job]]:
        """Make workers, give them the jobs, and yield each that has ended.

        ``make`` can be pickled: it makes a worker in every process. Jobs are taken one by one, when
        a worker is free; where they end, the runner ends after those that are being done.
        """
        ...


def run_here(make: Callable[[], Worker[Job]], jobs: Iterable[Job]) -> Iterator[Outcome[Job]]:
    """Do the jobs in this process."""
    work = None
    for job in jobs:
        work = make() if work is None else work
        error, seconds = timed(work, job)
        yield Outcome(job=job, error=error, seconds=seconds)


def timed(work: Worker[Job], job: Job) -> tuple[str | None, float]:
    """Do a job; its error, and its seconds."""
    began = time.monotonic()
    error = work(job)
    return error, time.monotonic() - began


@dataclass(kw_only=True)
class Begun(Generic[Job]):
    """A job, and how often it was begun."""

    job: Job
    tries: int = 0


@dataclass(kw_only=True)
class Queue(Generic[Job]):
    """Jobs that wait: those that were lost with their worker come first."""

    jobs: Iterator[Job]
    lost: "deque[Begun[Job]]" = field(default_factory=deque)

    def next(self) -> "Begun[Job] | None":
        """The next job, its count raised; None when there is none now."""
        if self.lost:
            begun = self.lost.popleft()
        else:
            for job in self.jobs:
                begun = Begun(job=job)
                break
            else:
                return None
        begun.tries += 1
        return begun

    def lose(self, begun: "Begun[Job]", worker: str) -> Outcome[Job] | None:
        """Take back a job whose worker was lost; an outcome where it has had all its tries."""
        if begun.tries < MOST_TRIES:
            self.lost.append(begun)
            return None
        error = (
            f"its worker was lost {begun.tries} times while it did this: memory may be too small, "
            "or a driver may be at fault"
        )
        return Outcome(job=begun.job, error=error, worker=worker, tries=begun.tries)
