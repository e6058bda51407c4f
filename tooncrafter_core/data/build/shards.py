"""Writes the kept clips as WebDataset shards: tar files of H.264 clips with their captions."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import DatasetError
from ...files import in_order, replacing
from ...jobs.runner import Runner, run_here
from ...pictures.encode import film_bytes
from ...pictures.films import open_film
from ..extras import require
from .decide import KEPT, Row
from .manifest import read_rows

# t frames, h w space

COPIED = ("source", "sha256", "shot", "in_frame", "out_frame", "fps", "motion", "text",
          "aesthetic", "agreement", "split")  # fmt: skip
"""Columns of the manifest that a clip's JSON in a shard repeats."""


@dataclass(frozen=True, kw_only=True)
class ShardSettings:
    """How shards are made."""

    clips_per_shard: int = 512
    height: int = 384
    """Clips are reduced to this height, never enlarged; training uses 320."""
    seed: int = 0
    """Seed of the order: a shard contains clips of many films."""


@dataclass(frozen=True, kw_only=True)
class ShardJob:
    """A shard to write."""

    path: str
    rows: tuple[Row, ...]
    height: int


class ShardWorker:
    """Writes shards."""

    def is_done(self, job: ShardJob) -> bool:
        """Whether the shard exists: it appears whole or not at all."""
        return Path(job.path).exists()

    def __call__(self, job: ShardJob) -> str | None:
        """Cut, shrink and encode the clips; those whose film is gone or changed are the error."""
        webdataset = require("webdataset")
        errors = []
        with replacing(Path(job.path)) as part, part.open("wb") as file:
            # A shard contains no times and nothing about the machine.
            owner = {"mtime": 0, "user": "tooncrafter", "group": "tooncrafter"}
            with webdataset.TarWriter(file, **owner) as tar:
                for row in job.rows:
                    try:
                        tar.write(_sample(row, job.height))
                    except DatasetError as error:
                        errors.append(str(error))
        return "; ".join(errors) or None


def write_shards(
    manifest: str | Path, out: str | Path, settings: ShardSettings | None = None,
    runner: Runner = run_here,
) -> Iterator[tuple[Path, int, str | None]]:  # fmt: skip
    """Write the shards that are not there yet: of each its path, clips, and errors in words.

    ``DatasetError`` when the manifest keeps no clip.
    """
    jobs = shard_jobs(manifest, out, settings or ShardSettings())
    worker = ShardWorker()
    todo = [job for job in jobs if not worker.is_done(job)]
    for outcome in runner(ShardWorker, todo):
        yield Path(outcome.job.path), len(outcome.job.rows), outcome.error


def shard_jobs(manifest: str | Path, out: str | Path, settings: ShardSettings) -> list[ShardJob]:
    """The shards of a manifest: its kept clips, shuffled, training and evaluation apart."""
    kept: dict[str, list[Row]] = {"train": [], "evaluation": []}
    for row in read_rows(manifest):
        if row["decision"] == KEPT:
            kept[row["split"]].append(row)
    if not any(kept.values()):
        raise DatasetError(
            "The manifest keeps no clip: there is nothing to write. Lower a threshold."
        )
    jobs = []
    for split, rows in kept.items():
        order = np.random.Generator(np.random.PCG64(settings.seed)).permutation(len(rows))
        size = settings.clips_per_shard
        for number, first in enumerate(range(0, len(rows), size)):
            chosen = tuple(rows[i] for i in order[first : first + size])
            path = Path(out) / f"{split}-{number:06d}.tar"
            jobs.append(ShardJob(path=str(path), rows=chosen, height=settings.height))
    return jobs


def _sample(row: Row, height: int) -> dict[str, str | bytes]:
    """One clip as WebDataset wants it."""
    film = open_film(row["source"])
    scale = min(1.0, height / film.height)
    width, high = (max(2 * round(side * scale / 2), 2) for side in (film.width, film.height))
    first, end = row["in_frame"], row["out_frame"]
    frames = [p for _, p in film.iterate(first, min(end, film.num_frames), None, (width, high))]
    if len(frames) != end - first:
        raise DatasetError(
            f"'{film.path.name}' has {len(frames)} of the {end - first} frames of clip "
            f"{row['clip_id']}: it changed since the manifest was built."
        )
    notes = {name: row[name] for name in COPIED}
    notes |= {"num_frames": len(frames), "width": width, "height": high}
    return {
        "__key__": row["clip_id"],
        "json": json.dumps(notes, sort_keys=True).encode(),
        "mp4": film_bytes(np.stack(frames), ".mp4", row["fps"]),
        "txt": (row["caption"] or "").encode(),
    }


def shard_files(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """The tar files named or lying in the folders named, sorted."""
    found: list[Path] = []
    for path in map(Path, [paths] if isinstance(paths, str | Path) else paths):
        found += in_order(path.glob("*.tar")) if path.is_dir() else [path]
    if not found:
        raise DatasetError(f"There are no shards (.tar) in {paths}.")
    return found
