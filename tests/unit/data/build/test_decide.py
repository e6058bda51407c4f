"""Decisions, splits and the manifest they lie in."""

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from tooncrafter_core.data.build.decide import Thresholds, decide
from tooncrafter_core.data.build.manifest import (
    ManifestNotes,
    empty_row,
    read_notes,
    read_rows,
    redecide,
    write_manifest,
)
from tooncrafter_core.data.clips.split import choose_split
from tooncrafter_core.errors import DatasetError, OutputError
from tooncrafter_core.files import write_json

LIMITS = Thresholds(min_motion=0.1, max_text=0.05, min_aesthetic=4, min_agreement=0.2)


def row(**values: Any) -> dict[str, Any]:
    known = {"clip_id": "c", "sha256": "s", "shot": 0, "motion": 0.5, "text": 0.0}
    return {**empty_row(), **known, **values}


def notes(thresholds: Thresholds = LIMITS) -> ManifestNotes:
    return ManifestNotes(thresholds=thresholds, stages={"motion": {"model": "m"}}, settings={})


def test_every_reason_is_reported_and_unknown_scores_reject_nothing() -> None:
    assert decide(row(), LIMITS)["decision"] == "kept"
    bad = decide(row(motion=0.01, text=0.2, aesthetic=3.0, agreement=0.1), LIMITS)
    assert bad["decision"] == "rejected" and bad["split"] is None
    for words in ("still shot (motion 0.01", "text (text 0.2", "low aesthetic", "does not fit"):
        assert words in bad["reason"]
    assert decide(row(motion=0.1, text=0.05, aesthetic=4.0, agreement=0.2), LIMITS)["split"]
    off = Thresholds(min_motion=None, max_text=None)
    assert decide(row(motion=0.0, text=1.0), off)["decision"] == "kept"


def test_errors_copies_and_films_without_clips_have_their_reason() -> None:
    assert decide(row(error="broken"), LIMITS)["decision"] == "error"
    assert decide(row(duplicate_of="a.mp4"), LIMITS)["reason"] == "the same file as a.mp4"
    assert "long enough" in decide(row(clip_id=None), LIMITS)["reason"]


def test_no_shot_is_in_both_splits_and_the_share_is_kept() -> None:
    splits = [choose_split("film", shot, 0.25) for shot in range(2000)]
    assert splits.count("evaluation") / 2000 == pytest.approx(0.25, abs=0.03)
    assert splits == [choose_split("film", shot, 0.25) for shot in range(2000)]
    assert splits != [choose_split("film", shot, 0.25, seed=1) for shot in range(2000)]
    clips = [
        decide(row(shot=s % 5, clip_id=str(s)), Thresholds(evaluation_share=0.5)) for s in range(50)
    ]
    assert len({(clip["shot"], clip["split"]) for clip in clips}) == 5
    # A larger share only moves shots from training to evaluation.
    larger = [choose_split("film", shot, 0.5) for shot in range(2000)]
    assert all(b == "evaluation" for a, b in zip(splits, larger, strict=True) if a == "evaluation")
    with pytest.raises(DatasetError, match="0 to 1"):
        Thresholds(evaluation_share=2)


def test_a_manifest_keeps_every_value_and_what_made_it(tmp_path: Path) -> None:
    path = tmp_path / "만화" / "manifest.parquet"
    rows = [row(clip_id=str(i), motion=float(m)) for i, m in enumerate(np.linspace(0, 0.2, 9))]
    write_manifest(path, rows, notes())
    found = list(read_rows(path))
    assert [r["motion"] for r in found] == [r["motion"] for r in rows]
    assert [r["decision"] for r in found] == ["rejected"] * 4 + ["kept"] * 5
    assert read_notes(path) == notes()


def test_other_thresholds_decide_again_from_the_same_scores(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, [row(clip_id=str(i), motion=i / 10) for i in range(5)], notes())
    redecide(path, Thresholds(min_motion=0.35), tmp_path / "strict.parquet")
    kept = [r["clip_id"] for r in read_rows(tmp_path / "strict.parquet") if r["decision"] == "kept"]
    assert kept == ["4"]
    redecide(path, Thresholds(min_motion=None))
    assert {r["decision"] for r in read_rows(path)} == {"kept"}
    assert [r["motion"] for r in read_rows(path)] == [i / 10 for i in range(5)]


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, [row()], notes())
    table = parquet.read_table(path)
    newer = {**(table.schema.metadata or {}), b"tooncrafter.manifest_version": b"2"}
    parquet.write_table(table.replace_schema_metadata(newer), path)
    with pytest.raises(DatasetError, match="has version 2; this program reads version 1"):
        list(read_rows(path))
    parquet.write_table(table.replace_schema_metadata({}), path)
    with pytest.raises(DatasetError, match="has no version"):
        read_notes(path)
    path.write_text("text")
    with pytest.raises(DatasetError, match="is no manifest"):
        read_notes(path)
    with pytest.raises(DatasetError, match="There is no manifest"):
        read_notes(tmp_path / "none.parquet")


def test_a_full_disk_leaves_the_old_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, [row()], notes())
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="The disk is full"):
        write_manifest(path, [row(), row()], notes())
    with pytest.raises(OutputError, match="what was done is kept"):
        write_json(tmp_path / "a.json", {})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.parquet"]
