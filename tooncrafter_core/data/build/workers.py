"""The two kinds of jobs of a build: a film to its shots, a clip to its scores.

Each piece of work reads its film, computes, and leaves one small file, whole or not at all: a
program that is killed loses only what it was doing. Nothing else is shared between workers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypedDict

from ...errors import DatasetError
from ...files import read_json, write_json
from ...pictures.films import Film, open_film, picture_files
from ...pictures.kinds import check_regular
from .scorer import Scorer, Scores, read_pixels
from .settings import BuildSettings, make_stages
from .shots import find_shots

FORMAT = 3
"""Version of the result files and of what finds shots; those of other versions are made again."""


@dataclass(frozen=True, kw_only=True)
class FilmJob:
    """A film to find shots in."""

    path: str


@dataclass(frozen=True, kw_only=True)
class ClipJob:
    """Frames ``first`` to ``end`` of a film to score."""

    path: str
    sha256: str
    shot: int
    first: int
    end: int

    @property
    def clip_id(self) -> str:
        """Its name: what it is a part of, by content, and where."""
        return f"{self.sha256[:16]}-{self.first:07d}-{self.end:07d}"


Job = FilmJob | ClipJob


class FilmRecord(TypedDict):
    """What is known of a film; of one that cannot be read only the first three."""

    made_by: dict[str, object]
    path: str
    error: str | None
    sha256: str
    width: int
    height: int
    fps: float
    is_variable: bool
    pixel_format: str
    num_frames: int
    decoded: int
    shots: list[list[int]]
    changes: list[str]
    times: list[float] | None


def film_record_path(out: Path, job: FilmJob) -> Path:
    """Where the result of a film is."""
    name = hashlib.sha256(job.path.encode()).hexdigest()[:24]
    return out / "work" / "films" / f"{name}.json"


def clip_record_path(out: Path, job: ClipJob) -> Path:
    """Where the result of a clip is; not too many in one folder."""
    return out / "work" / "clips" / job.sha256[:2] / f"{job.clip_id}.json"


class FilmWorker:
    """Finds the shots of films."""

    def __init__(self, out: str, settings: BuildSettings) -> None:
        self.out, self.settings = Path(out), settings

    def is_done(self, job: FilmJob) -> bool:
        """Whether the result is there, of this file and by these settings."""
        record = read_json(film_record_path(self.out, job))
        return record is not None and record["made_by"] == self._made_by(job)

    def __call__(self, job: FilmJob) -> str | None:
        """Find the film's shots; for a film that cannot be read the error is recorded."""
        failure: str | None = None
        record: dict[str, object] = {"made_by": self._made_by(job), "path": job.path, "error": None}
        try:
            record["sha256"] = hash_file(Path(job.path))
            film = open_film(job.path)
            found = find_shots(film, self.settings.shots)
            record |= {
                "width": film.width, "height": film.height, "fps": film.fps,
                "is_variable": film.is_variable, "pixel_format": film.pixel_format,
                "num_frames": film.num_frames, "decoded": found.decoded,
                "shots": [[shot.first, shot.end] for shot in found.shots],
                "changes": list(film.changes),
                "times": [round(t, 6) for t in film.times.tolist()] if film.is_variable else None,
            }  # fmt: skip
        except DatasetError as error:
            failure = str(error)
        record["error"] = failure
        write_json(film_record_path(self.out, job), record)
        return failure

    def _made_by(self, job: FilmJob) -> dict[str, object]:
        try:
            stats = [path.stat() for path in _parts(Path(job.path))]
            file = [n for stat in stats for n in (stat.st_size, stat.st_mtime_ns)]
        except OSError:
            file = []
        return {"format": FORMAT, "file": file, "settings": asdict(self.settings.shots)}


class ClipWorker:
    """Scores clips."""

    def __init__(self, out: str, settings: BuildSettings) -> None:
        self.out, self.settings = Path(out), settings

    @cached_property
    def stages(self) -> Sequence[Scorer]:
        """The stages, with their models once they are loaded."""
        return make_stages(self.settings)

    @cached_property
    def _identities(self) -> dict[str, object]:
        return {stage.name: stage.identity() for stage in self.stages}

    def is_done(self, job: ClipJob) -> bool:
        """Whether every stage's score is there, made by the same model."""
        record = read_json(clip_record_path(self.out, job))
        return record is not None and not self._open_stages(record)

    def __call__(self, job: ClipJob) -> str | None:
        """Compute the missing scores; for a damaged clip the error is recorded."""
        path = clip_record_path(self.out, job)
        record = read_json(path)
        if record is None or record["format"] != FORMAT:
            record = {"format": FORMAT, "clip_id": job.clip_id, "stages": {}, "error": None}
        stages = self._open_stages(record)
        record |= {"error": None, "failed_with": None}
        try:
            self._score(job, stages, record)
        except DatasetError as error:
            record |= {"error": str(error), "failed_with": self._identities}
        write_json(path, record)
        return record["error"]

    def _score(self, job: ClipJob, stages: Sequence[Scorer], record: dict[str, Any]) -> None:
        if not stages:
            return
        clip = read_pixels(_film(job.path, job.sha256), job.first, job.end)
        for stage in stages:
            known = all_scores(record)
            record["stages"][stage.name] = {
                "made_by": self._identities[stage.name],
                "scores": stage.score(clip, known),
            }

    def _open_stages(self, record: dict[str, Any]) -> list[Scorer]:
        """The stages whose scores are missing, or were made by something else."""
        if record.get("format") != FORMAT:
            return list(self.stages)
        if record["error"] is not None and record["failed_with"] == self._identities:
            return []
        found: list[Scorer] = []
        for stage in self.stages:
            kept = record["stages"].get(stage.name)
            # What judges the caption must follow a new caption.
            is_stale = stage.name == "agreement" and any(o.name == "caption" for o in found)
            if kept is None or kept["made_by"] != self._identities[stage.name] or is_stale:
                found.append(stage)
        return found


def all_scores(record: dict[str, Any]) -> Scores:
    """Every score of a clip's record."""
    return {
        name: score
        for stage in record["stages"].values()
        for name, score in stage["scores"].items()
    }


def hash_file(path: Path) -> str:
    """The sha256 of a file, a piece at a time, or of the pictures of a folder in their order.

    ``DatasetError`` when it cannot be read, or is no ordinary file, which might never end.
    """
    digest = hashlib.sha256()
    try:
        for part in _parts(path):
            check_regular(part, DatasetError)
            with part.open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
    except OSError as error:
        raise DatasetError(f"'{path.name}' cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _parts(path: Path) -> list[Path]:
    """The files that a film is in."""
    return picture_files(path) if path.is_dir() else [path]


@lru_cache(maxsize=4)
def _film(path: str, sha256: str) -> Film:
    """The film of a path; clips of one film come one after the other."""
    return open_film(path)
