"""Reads and checks all cuts of an episode before anything is drawn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from ...errors import CutError, ToonCrafterError, counted
from ...files import in_order
from .task import (
    CutTask,
    SegmentJob,
    fingerprint_of,
    is_drawn,
    prepare_task,
    seconds_of,
    segments_of,
    task_of,
)

ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True)
class PlannedCut:
    """A cut that can be drawn."""

    task: CutTask
    segments: int
    """In which something is drawn."""
    missing: tuple[int, ...]
    """Of these, from 1, those that are not in the store."""
    frames: int
    fingerprint: str
    """Of what its results come from."""
    seconds: tuple[float, ...]
    """That each segment in the store took, where this is known."""


@dataclass(frozen=True, kw_only=True)
class EpisodePlan:
    """All cuts of a folder."""

    cuts: tuple[PlannedCut, ...]
    faults: Mapping[str, str] = field(default_factory=dict)
    """By cut: what is wrong and what to do."""

    @property
    def jobs(self) -> Iterator[SegmentJob]:
        """Every segment that is missing, cut by cut."""
        for cut in self.cuts:
            for segment in cut.missing:
                yield SegmentJob(task=cut.task, segment=segment)

    @property
    def missing(self) -> int:
        """How many segments are to be drawn."""
        return sum(len(cut.missing) for cut in self.cuts)

    def seconds_a_segment(self) -> float | None:
        """The median of what segments took that are there; None without any."""
        known = [seconds for cut in self.cuts for seconds in cut.seconds]
        return median(known) if known else None

    def as_text(self, workers: int) -> str:
        """What is there and what is to be drawn, in one sentence each."""
        total = sum(cut.segments for cut in self.cuts)
        frames = sum(cut.frames for cut in self.cuts)
        lines = [
            f"{counted(len(self.cuts), 'cut')} of {counted(frames, 'frame')}: "
            f"{counted(total, 'segment')}, {total - self.missing} drawn already, "
            f"{self.missing} to draw."
        ]
        seconds = self.seconds_a_segment()
        if self.missing and seconds is not None:
            whole = time_text(seconds * self.missing / workers)
            lines.append(
                f"A segment took {seconds:.1f} s here: {whole} with {counted(workers, 'worker')}."
            )
        elif self.missing:
            lines.append(
                "How long a segment takes is known after the first; --stop-after 1 draws one."
            )
        return "\n".join(lines)


def time_text(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def find_cuts(folder: str | Path, out: str | Path) -> list[CutTask]:
    """The cut files in a folder and the folders in it, 2 before 10; hidden ones are passed over.

    ``CutError`` where there are none, and where two of them would be written into one folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise CutError(f"There is no folder '{folder}': name one that holds cut files (.yaml).")
    files = [
        path
        for path in root.rglob("*")
        if path.suffix.lower() in ENDINGS
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    if not files:
        raise CutError(
            f"'{folder}' holds no cut file: one ends in .yaml and says keys and frames; "
            "docs/cuts.md shows one."
        )
    tasks = [task_of(path, root, Path(out)) for path in in_order(files)]
    by_name: dict[str, CutTask] = {}
    for task in tasks:
        other = by_name.setdefault(task.name.casefold(), task)
        if other is not task:
            raise CutError(
                f"'{other.file}' and '{task.file}' would be written into one folder: give one "
                "another name."
            )
    for task in tasks:
        within = [other.name for other in tasks if other.name.startswith(f"{task.name}/")]
        if within:
            raise CutError(
                f"The results of '{within[0]}' would lie within those of '{task.name}': give the "
                "file or the folder another name."
            )
    return tasks


def plan_episode(tasks: Sequence[CutTask], shared: Mapping[str, Any]) -> EpisodePlan:
    """Read and check every cut; faults are gathered, not raised."""
    cuts, faults = [], {}
    for task in tasks:
        try:
            cuts.append(_planned(task, shared))
        except ToonCrafterError as error:
            faults[task.name] = _with_file(str(error), task)
    return EpisodePlan(cuts=tuple(cuts), faults=faults)


def _with_file(error: str, task: CutTask) -> str:
    """An error that names the cut's file, once."""
    return error if Path(task.file).name in error else f"{task.file}: {error}"


def _planned(task: CutTask, shared: Mapping[str, Any]) -> PlannedCut:
    cut = prepare_task(task, shared)
    segments = segments_of(cut)
    missing = [segment for segment in segments if not is_drawn(cut, segment)]
    return PlannedCut(
        task=task,
        segments=len(segments),
        missing=tuple(missing),
        frames=len(cut.plan.sheet.frames),
        fingerprint=fingerprint_of(cut, shared),
        seconds=tuple(
            seconds
            for segment in segments
            if segment not in missing and (seconds := seconds_of(cut, segment)) is not None
        ),
    )
