"""Every reader of a folder takes its files in one order, 2 before 10, and skips hidden ones."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tooncrafter_core.cli import interpolate_sketches
from tooncrafter_core.data.build.shards import shard_files
from tooncrafter_core.data.clips.sources import FrameFolders
from tooncrafter_core.evaluation.clip_files import find_clips, read_clip
from tooncrafter_core.pictures.films import find_films, picture_files

NUMBERS = range(1, 17)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures 1.png to 16.png, each as bright as its number, and what a Mac adds to them."""
    folder = tmp_path / "walk"
    folder.mkdir()
    for number in NUMBERS:
        Image.fromarray(np.full((24, 32, 3), number, np.uint8)).save(folder / f"{number}.png")
        (folder / f"._{number}.png").write_bytes(b"\0\5\x16\7")
    return folder


def sketch_numbers(folder: Path) -> list[int]:
    found = interpolate_sketches._in_folder(folder, len(NUMBERS))
    return [int(path.stem) for _, path in found]


def trained_numbers(folder: Path) -> list[int]:
    return FrameFolders(folder).read(0, range(16)).pixels[:, 0, 0, 0].tolist()


def evaluated_numbers(folder: Path) -> list[int]:
    return ((read_clip(folder, 16)[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def listed_numbers(folder: Path) -> list[int]:
    return [int(path.stem) for path in picture_files(folder)]


@pytest.mark.parametrize(
    "read", [sketch_numbers, trained_numbers, evaluated_numbers, listed_numbers]
)
def test_pictures_of_a_folder_come_by_their_numbers(
    folder: Path, read: Callable[[Path], list[int]]
) -> None:
    assert read(folder) == list(NUMBERS)


def test_sketches_named_by_frames_skip_hidden_files(folder: Path) -> None:
    args = argparse.Namespace(sketch_dir=str(folder))
    found = interpolate_sketches._in_folder(Path(args.sketch_dir), 20)
    assert found == [(str(number), folder / f"{number}.png") for number in NUMBERS]


def test_films_clips_and_shards_come_by_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        for ending in (".mp4", ".tar"):
            (tmp_path / f"part {number}{ending}").touch()
            (tmp_path / f"._part {number}{ending}").touch()
    (tmp_path / ".Trashes").mkdir()
    (tmp_path / ".Trashes" / "old.mp4").touch()
    names = ["part 1", "part 9", "part 10"]
    assert [path.stem for path in find_films([tmp_path])] == names
    assert [clip.name for clip in find_clips([tmp_path])] == names
    assert [path.stem for path in shard_files([tmp_path])] == names


def test_folders_of_pictures_come_by_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2):
        (tmp_path / f"shot {number}").mkdir()
        picture = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
        picture.save(tmp_path / f"shot {number}" / "1.png")
    assert [clip.key for clip in FrameFolders(tmp_path).clips] == ["shot 2", "shot 10"]
