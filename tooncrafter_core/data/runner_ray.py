"""Does pieces of work on Ray: all cores of this machine, or a cluster, by Ray Data.

Films and the output folder must lie where every machine sees them under the same path.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DatasetError
from .build_settings import BuildSettings
from .extras import require
from .runner import Outcome

STORE_BYTES = 128 * 2**20
"""Ray's shared memory on a machine of our own: jobs are names, not pictures."""


@dataclass(frozen=True, kw_only=True)
class RayRunner:
    """Runs jobs on Ray; ``address`` is ``local``, or that of a cluster that is up."""

    address: str = "local"
    workers: int | None = None
    """Processes at a time; as many as there are cores without it."""

    def __call__(
        self, worker: Callable[[str, BuildSettings], Any], out: str, settings: BuildSettings,
        jobs: Iterable[Any],
    ) -> Iterator[Outcome]:  # fmt: skip
        """Hand the jobs to an actor pool of Ray Data; each actor loads its models once."""
        todo = list(jobs)
        if not todo:
            return
        ray = self._connect()
        count = self.workers or max(int(ray.cluster_resources().get("CPU", 1)), 1)
        count = min(count, len(todo))

        class Actor:
            """A worker in a process of Ray's."""

            def __init__(self) -> None:
                os.environ.setdefault("OMP_NUM_THREADS", "1")
                self.work = worker(out, settings)

            def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[Any]]:
                numbers = [int(number) for number in batch["id"]]
                return {"id": numbers, "error": [self.work(todo[n]) or "" for n in numbers]}

        done = ray.data.range(len(todo), override_num_blocks=len(todo)).map_batches(
            Actor, batch_size=1, concurrency=count, num_cpus=1
        )
        for row in done.iter_rows():
            yield todo[row["id"]], row["error"] or None

    def _connect(self) -> Any:
        ray = require("ray")
        require("ray.data")
        if not ray.is_initialized():
            options: dict[str, Any] = {"address": self.address, "log_to_driver": False}
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
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        return ray
