"""Draws an episode: segments by a runner, results as soon as a cut has all of its segments."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from ...cut.episode.journal import CutState, Journal
from ...cut.episode.output import REPORT, first_drawing, has_results, row_of
from ...cut.episode.page import episode_page
from ...cut.output import write_results
from ...cut.results.report import picture_uri
from ...cut.store import alone_in
from ...errors import CutError, OutputError, ToonCrafterError, counted, printable
from ...files import write_text
from ...jobs.runner import Outcome, Runner
from ..cut import draw
from .planning import EpisodePlan, PlannedCut, time_text
from .task import SegmentJob, prepare_task
from .worker import SegmentWorker

THUMBNAIL = 192
"""Pixels of the longer side of a picture on the page."""
PAGE_SECONDS = 30
"""The page is written this often at most while cuts are drawn."""


class Episode:
    """All cuts of a folder, and what has become of them."""

    def __init__(
        self, *, out: Path, plan: EpisodePlan, shared: Mapping[str, Any], is_quiet: bool
    ) -> None:
        """Nothing is written before ``draw``."""
        self._out, self._plan, self._shared, self._is_quiet = out, plan, shared, is_quiet
        self._journal = Journal(out)
        self._cuts = {cut.task.name: cut for cut in plan.cuts}
        self._left = {cut.task.name: set(cut.missing) for cut in plan.cuts}
        self._failed: set[str] = set(plan.faults)
        self._drawn = self._written = 0
        self._pictures: dict[str, str] = {}
        self._page_at = 0.0

    @property
    def has_errors(self) -> bool:
        """Whether a cut could not be drawn or written."""
        return bool(self._failed)

    def draw(
        self,
        runner: Runner,
        workers: int,
        still_here: Callable[[], None],
        most: int | None = None,
    ) -> bool:
        """Draw what is missing, at most so many segments; whether it was stopped by Ctrl-C.

        ``OutputError`` for a full disk; what was drawn is kept.
        """
        states = self._journal.states()
        self._journal.add("began", segments=self._plan.missing, workers=workers)
        for name, fault in self._plan.faults.items():
            self._journal.add("faulty", name, error=fault)
        began = time.monotonic()
        with ThreadPoolExecutor(1) as writer, _stop_by_ctrl_c() as is_stopped:
            writing: list[Future[None]] = []
            for cut in self._plan.cuts:
                state = states.get(cut.task.name)
                known = None if state is None else state.fingerprint
                has_changed = known != cut.fingerprint or not has_results(Path(cut.task.folder))
                if not cut.missing and has_changed:
                    writing.append(writer.submit(self._write, cut))
            jobs = self._jobs(is_stopped, most)
            for outcome in runner(partial(SegmentWorker, shared=self._shared), jobs):
                still_here()
                self._take(outcome, time.monotonic() - began)
                job = outcome.job
                if not self._left[job.task.name] and job.task.name not in self._failed:
                    writing.append(writer.submit(self._write, self._cuts[job.task.name]))
                writing = _still_going(writing)
                if time.monotonic() - self._page_at > PAGE_SECONDS:
                    self._write_page()
            for one in writing:
                still_here()
                one.result()
        self._write_page()
        return is_stopped()

    def _jobs(self, is_stopped: Callable[[], bool], most: int | None) -> Iterator[SegmentJob]:
        """What is handed out: all that is missing, until somebody stops it."""
        for number, job in enumerate(self._plan.jobs):
            if is_stopped() or number == most:
                return
            yield job

    def _take(self, outcome: Outcome[SegmentJob], seconds: float) -> None:
        """Note what has become of a segment."""
        name, segment = outcome.job.task.name, outcome.job.segment
        by: dict[str, object] = {"worker": outcome.worker, "tries": outcome.tries}
        if outcome.error is None:
            self._left[name].discard(segment)
            took = round(outcome.seconds, 3)
            self._journal.add("drawn", name, segment=segment, seconds=took, **by)
        else:
            self._failed.add(name)
            self._journal.add("failed", name, segment=segment, error=outcome.error, **by)
        self._drawn += 1
        if self._is_quiet:
            return
        what = f"drawn in {outcome.seconds:.1f} s" if outcome.error is None else outcome.error
        left = self._plan.missing - self._drawn
        pace = self._drawn / max(seconds, 1e-3)
        progress = f"{self._drawn} of {self._plan.missing}, {pace * 3600:.0f} an hour"
        progress += f", {time_text(left / pace)} left" if left else ""
        print(printable(f"{name}, segment {segment}: {what} ({progress})"), flush=True)

    def _write(self, cut: PlannedCut) -> None:
        """Write the results of a cut whose segments are all there."""
        task = cut.task
        try:
            ready = prepare_task(task, self._shared)
            with alone_in(ready.folder):
                write_results(ready.folder, draw(ready, _never))
        except OutputError:
            raise
        except ToonCrafterError as error:
            self._failed.add(task.name)
            self._journal.add("faulty", task.name, error=str(error))
            print(printable(f"{task.name}: {error}"), flush=True)
            return
        self._pictures.pop(task.name, None)
        self._written += 1
        self._journal.add("written", task.name, segment=0, fingerprint=cut.fingerprint)

    def _write_page(self) -> None:
        """Write the page about all cuts."""
        states = self._journal.states()
        names = [*self._plan.faults, *self._cuts]
        rows = []
        for name in names:
            if name not in self._pictures:
                drawing = first_drawing(self._out / name)
                self._pictures[name] = picture_uri(drawing, THUMBNAIL) if drawing else ""
            state = states.get(name, CutState())
            rows.append(row_of(self._out, name, state, self._pictures[name]))
        title = f"Episode {self._out.resolve().name}"
        write_text(self._out / REPORT, episode_page(title, rows, self.summary()))
        self._page_at = time.monotonic()

    def summary(self) -> str:
        """What this run has done, in a sentence."""
        left = sum(map(len, self._left.values()))
        failed = f", {counted(len(self._failed), 'cut')} failed" if self._failed else ""
        more = f"; {counted(left, 'segment')} left" if left else ""
        return (
            f"{self._out}: {counted(self._drawn, 'segment')} drawn, "
            f"{counted(self._written, 'cut')} written{failed}{more}."
        )


def _never(*_: object) -> Any:
    """What would draw a clip, where all are there."""
    raise CutError("A clip has gone from the store while its cut was written: run again.")


def _still_going(futures: Sequence[Future[None]]) -> list[Future[None]]:
    """Those that have not ended; the error of one that has."""
    going = []
    for one in futures:
        if one.done():
            one.result()
        else:
            going.append(one)
    return going


@contextmanager
def _stop_by_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C hand out no more work, and the second end at once."""
    presses = []

    def on_press(number: int, frame: FrameType | None) -> None:
        presses.append(number)
        if len(presses) > 1:
            raise KeyboardInterrupt
        print("Ending after the segments in flight; Ctrl-C again ends at once.", flush=True)

    before = signal.signal(signal.SIGINT, on_press)
    try:
        yield lambda: bool(presses)
    finally:
        signal.signal(signal.SIGINT, before)
