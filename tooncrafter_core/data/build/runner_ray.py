"""Runs jobs on Ray: all cores of this machine, or a cluster, by Ray Data.

Films and the output folder must have the same path on every machine.
"""

import logging
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import DatasetError
from ..extras import require
from .runner import Job, Worker

STORE_BYTES = 128 * 2**20
"""Ray's shared memory on this machine; small, as jobs are names, not pictures."""
MOST_BLOCKS = 2000
"""Largest number of blocks of jobs, as Ray Data keeps state for each."""


@dataclass(frozen=True, kw_only=True)
class RayRunner:
    """Runs jobs on Ray; ``address`` is ``local``, or that of a cluster that is up."""

    address: str = "local"
    workers: int | None = None
    """Processes at a time; as many as there are cores without it."""

    def __call__(
        self, make: Callable[[], Worker[Job]], jobs: Iterable[Job]
    ) -> Iterator[tuple[Job, str | None]]:
        """Hand the jobs to an actor pool of Ray Data; each actor loads its models once."""
        todo = list(jobs)
        if not todo:
            return
        ray = self._connect()
        count = self.workers or max(int(ray.cluster_resources().get("CPU", 1)), 1)

        class Actor:
            """A worker in a process of Ray's."""

            def __init__(self) -> None:
                os.environ.setdefault("OMP_NUM_THREADS", "1")
                self.work = make()

            def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[str]]:
                found = [self.work(pickle.loads(job)) or "" for job in batch["job"]]
                return {"id": list(batch["id"]), "error": found}

        items = [{"id": number, "job": pickle.dumps(job)} for number, job in enumerate(todo)]
        # Small blocks, so that a slow job does not hold up other workers.
        done = ray.data.from_items(
            items, override_num_blocks=min(len(items), MOST_BLOCKS)
        ).map_batches(
            Actor,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(count, len(todo))),
            num_cpus=1,
        )
        for row in done.iter_rows():
            yield todo[row["id"]], row["error"] or None

    def _connect(self) -> Any:
        ray = require("ray")
        require("ray.data")
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
                raise DatasetError(
                    f"There is no Ray at '{self.address}': {error}. Start one with 'ray start "
                    "--head', or use --ray local."
                ) from error
        logging.getLogger("ray.data").setLevel(logging.WARNING)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        return ray
