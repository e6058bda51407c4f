"""Builds a data set: films to shots to clips to scores to a manifest.

Every result is kept in the output folder under ``work``. Another run continues from there, and
computes only what is missing or was made with other models or settings.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from ...errors import DatasetError
from ...files import alone_in, read_json
from ...jobs.runner import Job, Runner, Worker, run_here
from ...pictures.films import CHANGES, find_films
from .decide import Row, Thresholds
from .manifest import ManifestNotes, empty_row, write_manifest
from .settings import BuildSettings, describe_stages
from .shots import Shot, cut_clips
from .workers import (
    ClipJob,
    ClipWorker,
    FilmJob,
    FilmRecord,
    FilmWorker,
    all_scores,
    clip_record_path,
    film_record_path,
)

MANIFEST = "manifest.parquet"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a build has come."""

    what: str
    """``films`` or ``clips``."""
    done: int
    """How many of them this run has done, without those of earlier runs."""
    total: int
    errors: int


OnProgress = Callable[[Progress], None]


def build_dataset(
    inputs: Sequence[str | Path], out: str | Path, settings: BuildSettings | None = None,
    thresholds: Thresholds | None = None, runner: Runner = run_here,
    on_progress: OnProgress | None = None,
) -> Path:  # fmt: skip
    """Build a data set, or continue; returns the manifest's path.

    A film or a clip that cannot be read becomes a row with its error. ``DatasetError`` when there
    is nothing to build from, ``OutputError`` when the disk is full: what was done is kept.
    """
    settings, thresholds = settings or BuildSettings(), thresholds or Thresholds()
    out = Path(out)
    films = [FilmJob(path=path.as_posix()) for path in find_films(inputs)]
    with alone_in(out, DatasetError):
        _run(partial(FilmWorker, str(out), settings), "films", films, runner, on_progress)
        clips = list(_clip_jobs(films, out, settings))
        _run(partial(ClipWorker, str(out), settings), "clips", clips, runner, on_progress)
        notes = ManifestNotes(
            thresholds=thresholds,
            stages=describe_stages(settings),
            settings=asdict(settings.shots),
        )
        write_manifest(out / MANIFEST, _rows(films, out, settings), notes)
    return out / MANIFEST


def _run(
    make: Callable[[], Worker[Job]], what: str, jobs: Sequence[Job], runner: Runner,
    on_progress: OnProgress | None,
) -> None:  # fmt: skip
    """Do the jobs that are not done, and report the progress."""
    check = make()
    todo = [job for job in jobs if not check.is_done(job)]
    errors = 0

    def report(done: int) -> None:
        if on_progress:
            on_progress(Progress(what=what, done=done, total=len(todo), errors=errors))

    report(0)
    for done, outcome in enumerate(runner(make, todo), start=1):
        errors += outcome.error is not None
        report(done)


def _clip_jobs(films: Sequence[FilmJob], out: Path, settings: BuildSettings) -> Iterator[ClipJob]:
    """The clips of every film, copies left out."""
    for record, original in _film_records(films, out):
        if not record["error"] and original is None:
            yield from _clips_of(record, settings)


def _film_records(films: Sequence[FilmJob], out: Path) -> Iterator[tuple[FilmRecord, str | None]]:
    """Each film's record, and the path of the film of which it is a copy."""
    seen: dict[str, str] = {}
    for film in films:
        record: FilmRecord | None = read_json(film_record_path(out, film))
        if record is None:  # its worker was lost; the next run makes it
            continue
        sha256 = record.get("sha256")
        original = seen.get(sha256) if sha256 else None
        if sha256 and original is None and not record["error"]:
            seen[sha256] = record["path"]
        yield record, original


def _clips_of(record: FilmRecord, settings: BuildSettings) -> Iterator[ClipJob]:
    for number, (first, end) in enumerate(record["shots"]):
        for clip in cut_clips(Shot(first=first, end=end), record["fps"], settings.shots):
            yield ClipJob(
                path=record["path"],
                sha256=record["sha256"],
                shot=number,
                first=clip.first,
                end=clip.end,
            )


def _rows(films: Sequence[FilmJob], out: Path, settings: BuildSettings) -> Iterator[Row]:
    """The manifest's rows, in the order of the films and their frames."""
    for record, original in _film_records(films, out):
        film = {
            **empty_row(),
            "source": record["path"],
            "sha256": record.get("sha256"),
            "error": record["error"],
            "duplicate_of": original,
        }
        if record["error"] or original:
            yield film
            continue
        lost = record["num_frames"] - record["decoded"]
        film |= {
            "fps": record["fps"], "width": record["width"], "height": record["height"],
            "pixel_format": record["pixel_format"], "is_variable_rate": record["is_variable"],
            "warning": _warning(record, lost),
        }  # fmt: skip
        jobs = list(_clips_of(record, settings))
        if not jobs:
            yield film
        for job in jobs:
            yield _clip_row(film, job, out, record)


def _warning(record: FilmRecord, lost: int) -> str | None:
    """What the reader did to a film, and what it could not read."""
    parts = [CHANGES[change] for change in record["changes"]]
    if lost:
        parts.append(f"{lost} of {record['num_frames']} frames are damaged")
    return "; ".join(parts) or None


def _second(record: FilmRecord, frame: int) -> float:
    """When a frame begins; of a film with a variable rate by its own times."""
    times, fps = record["times"], record["fps"]
    if times is None:
        return frame / fps
    return times[frame] if frame < len(times) else times[-1] + (frame - len(times) + 1) / fps


def _clip_row(film: Row, job: ClipJob, out: Path, of_film: FilmRecord) -> Row:
    row = {
        **film, "clip_id": job.clip_id, "shot": job.shot, "in_frame": job.first,
        "out_frame": job.end, "in_second": _second(of_film, job.first),
        "out_second": _second(of_film, job.end), "num_frames": job.end - job.first,
    }  # fmt: skip
    record = read_json(clip_record_path(out, job))
    if record is None:
        return {**row, "error": "the clip was not judged: its worker was lost; run again"}
    scores = {name: score for name, score in all_scores(record).items() if name in row}
    models = {name: stage["made_by"]["model"] for name, stage in record["stages"].items()}
    return {**row, **scores, "models": json.dumps(models, sort_keys=True), "error": record["error"]}
