"""Runs jobs in several processes of this machine, each with its own worker.

A process that dies takes only its job with it: the job is begun again by another. Processes end
with their parent, however it ends.
"""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic

from ..errors import JobError, ToonCrafterError
from .runner import UNEXPECTED, Begun, Job, Outcome, Queue, Worker, timed

EXIT_EXCEPTION = 1
"""What Python ends with after an exception that nobody caught."""
WAIT_SECONDS = 30

Environment = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ProcessRunner:
    """Runs jobs in processes, one for each environment."""

    environments: Sequence[Environment]
    """Variables that each process gets before it loads anything, such as its device."""

    def __call__(
        self, make: Callable[[], Worker[Job]], jobs: Iterable[Job]
    ) -> Iterator[Outcome[Job]]:
        """Give each process a job when it is free; ``JobError`` when none can start."""
        queue = Queue(jobs=iter(jobs))
        made = pickle.dumps(make)
        busy: dict[Connection, _Process[Job]] = {}
        free = [_Process[Job](str(i), one, made) for i, one in enumerate(self.environments, 1)]
        try:
            while True:
                while free and (begun := queue.next()) is not None:
                    process = free.pop(0)
                    busy[process.give(begun)] = process
                if not busy:
                    return
                for connection in wait(list(busy)):
                    assert isinstance(connection, Connection)
                    process = busy.pop(connection)
                    free.append(process)
                    if (outcome := process.take(queue)) is not None:
                        yield outcome
        finally:
            for process in (*free, *busy.values()):
                process.end()


class _Process(Generic[Job]):
    """A process that does one job at a time; it starts with its first."""

    def __init__(self, name: str, environment: Environment, made: bytes) -> None:
        self.name, self.environment, self.made = name, environment, made
        self.has_answered = False
        self._begun: Begun[Job] | None = None
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def give(self, begun: Begun[Job]) -> Connection:
        """Let it do a job; what is returned can be waited for."""
        self._begun = begun
        if self._process is None or self._connection is None or not self._process.is_alive():
            self._connection = self._start()
        # A process that has just died is noticed where its answer is taken.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send_bytes(pickle.dumps(begun.job))
        return self._connection

    def take(self, queue: Queue[Job]) -> Outcome[Job] | None:
        """Its answer; None where it was lost and its job waits again."""
        assert self._connection is not None and self._begun is not None
        begun = self._begun
        try:
            error, seconds = pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            code = self._exit_code()
            self.end()
            if code == EXIT_EXCEPTION:
                return Outcome(job=begun.job, error=UNEXPECTED, worker=self.name, tries=begun.tries)
            if not self.has_answered and begun.tries > 1:
                raise JobError(
                    f"Worker {self.name} ended twice before it had done anything: see what it "
                    "wrote above. Is there enough memory for a worker? Try --workers 1."
                ) from None
            return queue.lose(begun, self.name)
        if isinstance(error, ToonCrafterError):
            raise error
        self.has_answered, self._begun = True, None
        return Outcome(
            job=begun.job, error=error, seconds=seconds, worker=self.name, tries=begun.tries
        )

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        # Not a daemon: those may start no processes, and a worker's libraries may.
        self._process = context.Process(
            target=_serve, args=(theirs, dict(self.environment), self.made), daemon=False
        )
        with _without_ctrl_c():
            self._process.start()
        theirs.close()
        return ours

    def _exit_code(self) -> int | None:
        """How it ended; its connection is closed, so that it will have in a moment."""
        assert self._process is not None
        self._process.join(WAIT_SECONDS)
        return self._process.exitcode

    def end(self) -> None:
        """Stop the process, also in the middle of a job."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            # Without a job it ends when its connection does, and puts away what it has opened.
            if self._begun is None:
                self._process.join(WAIT_SECONDS)
            self._process.kill()
            self._process.join()
        self._connection = self._process = None


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Let a process that starts be deaf to Ctrl-C, which reaches the whole group of processes.

    Only the parent decides what it means; a process that is still loading must not end by it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(connection: Connection, environment: Environment, made: bytes) -> None:
    """The life of a process: jobs in, answers out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(environment)
    work = None
    while True:
        try:
            job = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        try:
            work = pickle.loads(made)() if work is None else work
            answer: tuple[object, float] = timed(work, job)
        # What the user can mend ends the run in words; other exceptions end this process.
        except ToonCrafterError as error:
            answer = (error, 0.0)
        connection.send_bytes(pickle.dumps(answer))


def _end_with_parent() -> None:
    """End at once when the parent is gone: another run may begin with the same jobs."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
