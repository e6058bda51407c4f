"""Jobs in processes: each done once, what dies is begun again, what is wrong is not."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from support.imports import ROOT
from support.jobs import FileJob, FileWorker, times_begun
from tooncrafter_core.errors import CutError, JobError
from tooncrafter_core.jobs.processes import ProcessRunner
from tooncrafter_core.jobs.runner import MOST_TRIES, UNEXPECTED, run_here

TWO = ProcessRunner(environments=[{"TOONCRAFTER_TEST_SLOT": name} for name in "ab"])


def jobs_in(folder: Path, *kinds: str) -> list[FileJob]:
    return [FileJob(path=str(folder / f"{i}"), what=kind) for i, kind in enumerate(kinds)]


def test_jobs_are_shared_by_processes_with_an_environment_each(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path, *[""] * 8)
    found = list(TWO(FileWorker, jobs))
    assert sorted(one.job.path for one in found) == [job.path for job in jobs]
    assert all(one.error is None and one.tries == 1 and one.seconds >= 0 for one in found)
    texts = {Path(job.path).read_text() for job in jobs}
    assert {text.split()[1] for text in texts} == {"a", "b"} and len(texts) == 2
    assert {one.worker for one in found} == {"1", "2"}


def test_what_a_dead_process_lost_is_begun_again_and_what_is_wrong_is_not(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path, "", "dies once", "", "error", "always dies", "")
    found = {Path(one.job.path).name: one for one in TWO(FileWorker, jobs)}
    assert len(found) == len(jobs)
    assert {name: one.tries for name, one in found.items() if one.tries > 1} == {
        "1": 2,
        "4": MOST_TRIES,
    }
    assert found["3"].error == "wrong in itself" and times_begun(jobs[3]) == 1
    assert "worker was lost 3 times" in (found["4"].error or "")
    assert {name for name, one in found.items() if one.error is None} == set("0125")
    assert Path(jobs[1].path).exists()


def test_a_mistake_of_ours_ends_its_job_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs = jobs_in(tmp_path, "", "mistake", "")
    found = {Path(one.job.path).name: one for one in TWO(FileWorker, jobs)}
    assert found["1"].error == UNEXPECTED and times_begun(jobs[1]) == 1
    assert found["0"].error is None and found["2"].error is None
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_what_the_user_can_mend_is_raised_where_the_parent_is(tmp_path: Path) -> None:
    with pytest.raises(CutError, match="a sentence"):
        list(TWO(FileWorker, jobs_in(tmp_path, "raises")))


def test_workers_that_never_start_are_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="ended twice before it had done anything"):
        list(TWO(partial(FileWorker, dies_at_start=True), jobs_in(tmp_path, "", "")))


def test_jobs_are_taken_one_by_one_so_that_a_run_can_be_stopped(tmp_path: Path) -> None:
    taken = []

    def until_three(jobs: Sequence[FileJob]) -> Iterator[FileJob]:
        for job in jobs[:3]:
            taken.append(job)
            yield job

    jobs = jobs_in(tmp_path, *[""] * 50)
    for runner in (TWO, run_here):
        taken.clear()
        assert len(list(runner(FileWorker, until_three(jobs)))) == len(taken) == 3


PARENT = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from support.jobs import FileJob, FileWorker
from tooncrafter_core.jobs.processes import ProcessRunner
if __name__ == "__main__":
    jobs = [FileJob(path=sys.argv[1], what="waits")]
    list(ProcessRunner(environments=[{{}}])(FileWorker, jobs))
"""


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(paths=[str(ROOT), str(ROOT / "tests")]))
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path / "job")])
    deadline = time.monotonic() + 120
    while not (tmp_path / "job.begun").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    children = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    parent.wait()
    assert children
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
