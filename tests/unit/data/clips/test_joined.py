"""Clips of films among drawn ones: how many, where, and what is reported."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.films import numbered
from tooncrafter_core.data.clips.dataset import ClipDataset, ClipSettings
from tooncrafter_core.data.clips.joined import JoinedClips
from tooncrafter_core.data.clips.sources import FrameFolders, ProceduralClips
from tooncrafter_core.errors import DatasetError, TrainingError
from tooncrafter_core.pictures.write import write_video
from tooncrafter_core.training.inputs.open_clips import open_clips
from tooncrafter_core.training.settings.config import DataConfig


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name, count in (("a", 8), ("b", 12)):
        levels = torch.from_numpy(numbered(count, 32, 32)).permute(0, 3, 1, 2)
        write_video(levels / 127.5 - 1, tmp_path / "films" / name)
    return tmp_path / "films"


def test_every_stretch_of_an_epoch_has_its_share(folders: Path) -> None:
    drawn = ProceduralClips(range(600), 32, 32, num_frames=4)
    joined = JoinedClips(drawn, FrameFolders(folders), share=0.25)
    assert len(joined.clips) == 800
    assert [len(group) for group in joined.groups] == [341, 342, 117]
    assert sorted(clip for group in joined.groups for clip in group) == list(range(800))
    for group in joined.groups:
        of_films = [clip for clip in group if clip >= 600]
        assert len(of_films) / len(group) == pytest.approx(0.25, abs=0.01)
        assert list(group[: len(of_films)]) == of_films, "training keeps back the last ones"
    names = [clip.key for clip in joined.clips[600:]]
    assert names[:4] == ["a", "b", "a", "b"] and len(names) == 200


def test_clips_are_read_of_the_source_that_has_them(folders: Path) -> None:
    drawn, films = ProceduralClips(range(3), 32, 32, num_frames=4), FrameFolders(folders)
    joined = JoinedClips(drawn, films, share=0.5)
    assert np.array_equal(joined.read(1, [0, 2]).pixels, drawn.read(1, [0, 2]).pixels)
    assert np.array_equal(joined.read(4, [3, 9]).pixels, films.read(1, [3, 9]).pixels)
    samples = ClipDataset(joined, ClipSettings(num_frames=4, width=32, height=32, multiple=32))
    assert samples[5]["key"] == "a" and samples[5]["video"].shape == (3, 4, 32, 32)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_a_share_that_is_none_is_reported(folders: Path, share: float) -> None:
    drawn = ProceduralClips(range(3), 32, 32)
    with pytest.raises(DatasetError, match="between 0 and 1"):
        JoinedClips(drawn, FrameFolders(folders), share)


def test_a_run_has_drawn_clips_and_films_and_holds_back_drawn_ones(folders: Path) -> None:
    config = DataConfig(
        clips=300, beside=str(folders), beside_share=0.5, width=32, height=32, multiple=32,
        num_frames=4, drawn_frames=4, held_out=4,
    )  # fmt: skip
    clips = open_clips(config, seed=0, needs_sketches=False)
    assert clips.count == 596 and list(clips.held_out) == [296, 297, 298, 299]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"source": "folders", "path": "films"}, "mixed with procedural ones only"),
        ({"lines": "exact"}, "no exact lines"),
    ],
)
def test_clips_that_cannot_be_mixed_are_refused(
    folders: Path, settings: dict[str, Any], words: str
) -> None:
    config = DataConfig(beside=str(folders), clips=4, width=64, height=64, **settings)
    with pytest.raises(TrainingError, match=words):
        open_clips(config, seed=0, needs_sketches=True)
