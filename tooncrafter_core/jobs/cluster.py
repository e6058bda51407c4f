"""Runs jobs on Ray: all cores of this machine, or a cluster of many.

Input files and output folders must have the same path on every machine.
"""

import logging
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic

from ..config import telemetry
from ..config.extras import install_extra
from ..errors import JobError, ToonCrafterError
from .runner import UNEXPECTED, Begun, Job, Outcome, Queue, Worker, timed

logger = logging.getLogger(__name__)

STORE_BYTES = 128 * 2**20
"""Ray's shared memory on this machine; small, as jobs are names, not pictures."""


class _Actor:
    """A worker in a process of Ray's."""

    def __init__(self, made: bytes) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._made, self._work = made, None

    def name(self) -> str:
        """The machine that it is on."""
        return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")

    def do(self, job: bytes) -> tuple[str | None, float]:
        """Do a job, its worker made with the first."""
        if self._work is None:
            self._work = pickle.loads(self._made)()
        return timed(self._work, pickle.loads(job))


@dataclass(frozen=True, kw_only=True)
class RayRunner:
    """Runs jobs on Ray; ``address`` is ``local``, or that of a cluster that is up."""

    address: str = "local"
    workers: int | None = None
    """Actors at a time; one for each GPU, else for each core, without it."""
    needs_gpu: bool = False
    """Whether each actor takes a GPU, where the cluster has any."""

    def __call__(
        self, make: Callable[[], Worker[Job]], jobs: Iterable[Job]
    ) -> Iterator[Outcome[Job]]:
        """Give each actor a job when it is free; an actor that is lost is made again."""
        if isinstance(jobs, Sized) and not len(jobs):
            return
        ray = self._connect()
        pool = _Pool[Any](ray, pickle.dumps(make), self._takes_gpu(ray))
        queue = Queue(jobs=iter(jobs))
        try:
            count = self._count(ray)
            yield from pool.run(queue, min(count, len(jobs)) if isinstance(jobs, Sized) else count)
        finally:
            pool.end()

    def _takes_gpu(self, ray: Any) -> bool:
        return self.needs_gpu and ray.cluster_resources().get("GPU", 0) >= 1

    def _count(self, ray: Any) -> int:
        kind = "GPU" if self._takes_gpu(ray) else "CPU"
        return self.workers or max(int(ray.cluster_resources().get(kind, 1)), 1)

    def _connect(self) -> Any:
        telemetry.switch_off()
        try:
            ray = import_module("ray")
        except ModuleNotFoundError as error:
            if error.name != "ray":
                raise
            raise JobError(
                "This needs the Python package ray, which is not installed. "
                + install_extra("cluster")
            ) from error
        if not ray.is_initialized():
            options: dict[str, Any] = {
                "address": self.address,
                "log_to_driver": False,
                "logging_level": logging.WARNING,
            }
            if self.address == "local":
                cores = max(self.workers or 0, os.cpu_count() or 1)
                options |= {
                    "num_cpus": cores,
                    "object_store_memory": STORE_BYTES,
                    "include_dashboard": False,
                }
            try:
                ray.init(**options)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise JobError(
                    f"There is no Ray at '{self.address}': {error}. Start one with 'ray start "
                    "--head', or use --ray local."
                ) from error
        return ray


class _Pool(Generic[Job]):
    """Actors that are starting, free and busy.

    A job goes to an actor that has said that it is up: one that waits for a machine holds none.
    """

    def __init__(self, ray: Any, made: bytes, takes_gpu: bool) -> None:
        self._ray, self._made = ray, made
        options: dict[str, int] = {"num_gpus": 1} if takes_gpu else {"num_cpus": 1}
        self._class = ray.remote(**options)(_Actor)
        self._starting: dict[Any, Any] = {}
        self._free: deque[tuple[Any, str]] = deque()
        self._busy: dict[Any, tuple[Any, str, Begun[Job]]] = {}

    def run(self, queue: Queue[Job], count: int) -> Iterator[Outcome[Job]]:
        """Do all jobs with so many actors."""
        while True:
            while self._free and (begun := queue.next()) is not None:
                self._give(begun)
            if self._free and not self._busy:
                return
            if not self._free:
                self._start(count - len(self._starting) - len(self._busy))
            ready, _ = self._ray.wait([*self._starting, *self._busy])
            for reference in ready:
                if (outcome := self._take(reference, queue)) is not None:
                    yield outcome

    def _start(self, count: int) -> None:
        for _ in range(count):
            actor = self._class.remote(self._made)
            self._starting[actor.name.remote()] = actor

    def _give(self, begun: Begun[Job]) -> None:
        actor, name = self._free.popleft()
        self._busy[actor.do.remote(pickle.dumps(begun.job))] = (actor, name, begun)

    def _take(self, reference: Any, queue: Queue[Job]) -> Outcome[Job] | None:
        lost = (self._ray.exceptions.RayActorError, self._ray.exceptions.ObjectLostError)
        if reference in self._starting:
            actor = self._starting.pop(reference)
            with suppress(*lost):
                self._free.append((actor, self._ray.get(reference)))
            return None
        actor, name, begun = self._busy.pop(reference)
        try:
            error, seconds = self._ray.get(reference)
        except lost:
            return queue.lose(begun, name)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ToonCrafterError):
                # The text of Ray's is a traceback; this one is a sentence.
                raise error.cause from error
            logger.error("%s", error)
            self._free.append((actor, name))
            return Outcome(job=begun.job, error=UNEXPECTED, worker=name, tries=begun.tries)
        self._free.append((actor, name))
        return Outcome(job=begun.job, error=error, seconds=seconds, worker=name, tries=begun.tries)

    def end(self) -> None:
        """Let go of every actor, also in the middle of a job."""
        busy = [actor for actor, _, _ in self._busy.values()]
        for actor in (*self._starting.values(), *(one for one, _ in self._free), *busy):
            self._ray.kill(actor)
