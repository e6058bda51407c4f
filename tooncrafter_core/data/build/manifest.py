"""The list of all clips, kept and rejected: one Parquet file with a version.

A row is a clip, or a film from which none could be made. The file's metadata has the models,
settings and thresholds behind the scores and decisions.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import DatasetError
from ...files import replacing
from ..extras import require
from .decide import Row, Thresholds, decide

VERSION = 1
BATCH = 4096
"""Rows in memory at a time."""

TEXT, WHOLE, REAL, FLAG = "string", "int64", "float64", "bool_"
COLUMNS = {
    "clip_id": TEXT, "source": TEXT, "sha256": TEXT, "shot": WHOLE, "in_frame": WHOLE,
    "out_frame": WHOLE, "in_second": REAL, "out_second": REAL, "num_frames": WHOLE, "fps": REAL,
    "width": WHOLE, "height": WHOLE, "pixel_format": TEXT, "is_variable_rate": FLAG,
    "motion": REAL, "motion_peak": REAL, "text": REAL, "aesthetic": REAL, "caption": TEXT,
    "agreement": REAL, "agreement_first": REAL, "agreement_middle": REAL, "agreement_last": REAL,
    "models": TEXT, "decision": TEXT, "reason": TEXT, "split": TEXT, "duplicate_of": TEXT,
    "error": TEXT, "warning": TEXT,
}  # fmt: skip
"""``out_frame`` is the first one after the clip. ``models`` is JSON: what made each score."""


@dataclass(frozen=True, kw_only=True)
class ManifestNotes:
    """The models, settings and thresholds of a manifest."""

    thresholds: Thresholds
    stages: dict[str, object]
    """By stage, what computes its scores, or why it was skipped."""
    settings: dict[str, object]
    """How shots were found and cut."""


def write_manifest(path: Path, rows: Iterable[Row], notes: ManifestNotes) -> None:
    """Decide about every row and write all; the old file stays until the new one is whole."""
    pyarrow, parquet = require("pyarrow"), require("pyarrow.parquet")
    schema = pyarrow.schema(
        [(name, getattr(pyarrow, kind)()) for name, kind in COLUMNS.items()],
        metadata={
            "tooncrafter.manifest_version": str(VERSION),
            "tooncrafter.notes": json.dumps(asdict(notes), sort_keys=True),
        },
    )
    with replacing(path) as part, parquet.ParquetWriter(part, schema) as writer:
        for batch in _batches(decide(row, notes.thresholds) for row in rows):
            columns = {name: [row[name] for row in batch] for name in COLUMNS}
            writer.write_table(pyarrow.table(columns, schema=schema))


def read_notes(path: str | Path) -> ManifestNotes:
    """The notes of a manifest. ``DatasetError`` for another file or another version."""
    parquet = require("pyarrow.parquet")
    pyarrow = require("pyarrow")
    path = Path(path)
    try:
        metadata = parquet.read_schema(path).metadata or {}
    except FileNotFoundError:
        raise DatasetError(f"There is no manifest at '{path}'.") from None
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DatasetError(f"'{path.name}' is no manifest: it cannot be read.") from error
    version = metadata.get(b"tooncrafter.manifest_version", b"").decode(errors="replace")
    if version != str(VERSION):
        found = f"version {version}" if version else "no version"
        raise DatasetError(
            f"The manifest '{path.name}' has {found}; this program reads version {VERSION}. Build "
            "the data set again: scores that were computed are kept."
        )
    try:
        notes = json.loads(metadata[b"tooncrafter.notes"])
        return ManifestNotes(**{**notes, "thresholds": Thresholds(**notes["thresholds"])})
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DatasetError(
            f"The manifest '{path.name}' is damaged: its notes cannot be read. Build the data set "
            "again: scores that were computed are kept beside it."
        ) from error


def read_rows(path: str | Path) -> Iterator[Row]:
    """The rows of a manifest, a few at a time in memory."""
    read_notes(path)
    parquet = require("pyarrow.parquet")
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=BATCH):
            yield from batch.to_pylist()


def redecide(path: str | Path, thresholds: Thresholds, output: str | Path | None = None) -> Path:
    """Decide again by other thresholds, from the scores in the manifest alone."""
    notes = read_notes(path)
    target = Path(output or path)
    changed = ManifestNotes(thresholds=thresholds, stages=notes.stages, settings=notes.settings)
    write_manifest(target, read_rows(path), changed)
    return target


def empty_row() -> Row:
    """A row of which nothing is known yet."""
    return dict.fromkeys(COLUMNS)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
