"""Kept clips travel in shards, and come out as training clips."""

from pathlib import Path

import numpy as np
import pytest
import torch

from support.films import drawn_film, encode
from tooncrafter_core.data.build.build import build_dataset
from tooncrafter_core.data.build.decide import Thresholds
from tooncrafter_core.data.build.manifest import read_rows, redecide
from tooncrafter_core.data.build.settings import BuildSettings
from tooncrafter_core.data.build.shards import ShardSettings, write_shards
from tooncrafter_core.data.clips.dataset import ClipDataset, ClipSettings
from tooncrafter_core.data.clips.shard_source import ShardClips
from tooncrafter_core.errors import DatasetError
from tooncrafter_core.pictures.films import open_film


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    for number in range(3):
        encode(folder / f"{number}.mp4", drawn_film((number, number + 30), 28), crf="12")
    (folder / "1.txt").write_text("a dog runs")
    limits = Thresholds(min_motion=None, evaluation_share=0.3)
    return build_dataset([folder], folder / "out", BuildSettings(find_text=False), limits)


def test_shards_hold_every_kept_clip_once_and_splits_apart(manifest: Path, tmp_path: Path) -> None:
    done = list(write_shards(manifest, tmp_path, ShardSettings(clips_per_shard=2)))
    kept = {row["clip_id"]: row for row in read_rows(manifest) if row["decision"] == "kept"}
    assert sum(count for _, count, _ in done) == len(kept) and not any(e for _, _, e in done)
    source = ShardClips(tmp_path)
    assert {clip.key for clip in source.clips} == set(kept)
    assert len(source.groups) == len(done)
    for group in source.groups:
        splits = {kept[source.clips[clip].key]["split"] for clip in group}
        assert len(splits) == 1
    dog = [clip.caption for clip in source.clips if kept[clip.key]["source"].endswith("/1.mp4")]
    assert dog and set(dog) == {"a dog runs"}


def test_a_clip_in_a_shard_looks_like_the_film(manifest: Path, tmp_path: Path) -> None:
    list(write_shards(manifest, tmp_path))
    source = ShardClips(tmp_path)
    rows = {row["clip_id"]: row for row in read_rows(manifest)}
    row = rows[source.clips[0].key]
    expected = open_film(row["source"]).read([row["in_frame"] + 3])
    found = source.read(0, [3]).pixels
    assert np.abs(found.astype(int) - expected).mean() < 6
    dataset = ClipDataset(source, ClipSettings(width=64, height=64))
    assert torch.isfinite(dataset[0]["video"]).all()


def test_shards_hold_the_same_clips_again_and_those_that_are_there_stay(
    manifest: Path, tmp_path: Path
) -> None:
    settings = ShardSettings(clips_per_shard=2)
    paths = [path for path, _, _ in write_shards(manifest, tmp_path / "a", settings)]
    list(write_shards(manifest, tmp_path / "b", settings))
    # x264 does not promise the same bytes, so pictures are compared by eye's measure.
    one, two = ShardClips(tmp_path / "a"), ShardClips(tmp_path / "b")
    assert one.clips == two.clips and one.groups == two.groups
    for clip in range(len(one.clips)):
        frames = (source.read(clip, [0, 9]).pixels.astype(int) for source in (one, two))
        assert np.abs(next(frames) - next(frames)).mean() < 3
    paths[0].unlink()
    assert [path for path, _, _ in write_shards(manifest, tmp_path / "a", settings)] == paths[:1]


def test_a_manifest_that_keeps_nothing_and_files_that_are_no_shards_are_reported(
    manifest: Path, tmp_path: Path
) -> None:
    strict = redecide(manifest, Thresholds(min_motion=99), tmp_path / "strict.parquet")
    with pytest.raises(DatasetError, match="keeps no clip"):
        list(write_shards(strict, tmp_path))
    with pytest.raises(DatasetError, match="no shards"):
        ShardClips(tmp_path)
    (tmp_path / "a.tar").write_text("text" * 300)
    with pytest.raises(DatasetError, match="is no shard"):
        ShardClips(tmp_path)


def test_a_film_that_is_gone_is_reported_and_the_others_are_written(
    manifest: Path, tmp_path: Path
) -> None:
    rows = list(read_rows(manifest))
    film = Path(rows[0]["source"])
    hidden = film.with_suffix(".hidden")
    film.rename(hidden)
    try:
        errors = [error for _, _, error in write_shards(manifest, tmp_path) if error]
    finally:
        hidden.rename(film)
    assert errors and "cannot be read" in errors[0]
    gone = [row for row in rows if row["source"] == str(film)]
    assert len(ShardClips(tmp_path).clips) == len(rows) - len(gone)
