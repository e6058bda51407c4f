"""Jobs on Ray: on a cluster of two machines, one of which goes away."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.imports import ROOT
from support.jobs import FileJob, FileWorker, times_begun
from tooncrafter_core.errors import CutError
from tooncrafter_core.jobs.cluster import RayRunner
from tooncrafter_core.jobs.runner import UNEXPECTED

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Machines of a cluster find modules by their own path.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
    ray = pytest.importorskip("ray")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    cluster = cluster_utils.Cluster()
    cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_a_machine_that_goes_away_takes_no_job_with_it(cluster: Any, tmp_path: Path) -> None:
    second = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    jobs = [FileJob(path=str(tmp_path / f"{i}"), what="naps") for i in range(24)]
    found = []
    for outcome in RayRunner(address=cluster.address)(FileWorker, jobs):
        found.append(outcome)
        if len(found) == 4:
            threading.Thread(target=cluster.remove_node, args=(second,)).start()
    assert sorted(int(Path(one.job.path).name) for one in found) == list(range(24))
    assert all(one.error is None for one in found)
    assert all(Path(job.path).exists() for job in jobs)
    # Only what was in flight there was begun twice.
    assert sum(times_begun(job) > 1 for job in jobs) <= 1


def test_what_a_lost_actor_did_is_done_again(cluster: Any, tmp_path: Path) -> None:
    kinds = ["", "dies once", "error", "", "mistake"]
    jobs = [FileJob(path=str(tmp_path / f"{i}"), what=kind) for i, kind in enumerate(kinds)]
    run = RayRunner(address=cluster.address)
    found = {Path(one.job.path).name: one for one in run(FileWorker, jobs)}
    assert len(found) == 5 and found["4"].error == UNEXPECTED
    assert found["1"].tries == 2 and found["1"].error is None
    assert found["2"].error == "wrong in itself"


def test_a_mistake_is_raised_where_the_parent_is(cluster: Any, tmp_path: Path) -> None:
    job = FileJob(path=str(tmp_path / "0"), what="raises")
    with pytest.raises(CutError, match=r"^a sentence$"):
        list(RayRunner(address=cluster.address)(FileWorker, [job]))
