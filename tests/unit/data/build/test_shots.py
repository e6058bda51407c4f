"""Cuts are found where they are, and shots become clips of the right length."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.films import drawn_film, encode, numbered
from tooncrafter_core.data.build.shots import Shot, ShotSettings, cut_clips, find_shots
from tooncrafter_core.errors import DatasetError
from tooncrafter_core.pictures.films import open_film


def test_cuts_between_drawn_shots_are_found(film: Callable[..., Path]) -> None:
    found = find_shots(open_film(film("a.mp4", (3, 8, 5), 24)), ShotSettings())
    assert [(shot.first, shot.end) for shot in found.shots] == [(0, 24), (24, 48), (48, 72)]
    assert found.decoded == 72


def test_a_fade_through_black_is_a_cut(tmp_path: Path) -> None:
    frames = drawn_film((3, 8), 30).astype(float)
    gains = np.concatenate([np.ones(18), np.linspace(1, 0, 12), np.linspace(0, 1, 12), np.ones(18)])
    faded = (frames * gains[:, None, None, None]).astype(np.uint8)
    found = find_shots(open_film(encode(tmp_path / "a.mp4", faded)), ShotSettings())
    bright = [shot for shot in found.shots if shot.end - shot.first >= 16]
    assert len(bright) == 2
    # No frame that is darker than four fifths is in a shot.
    assert bright[0].end <= 22 and bright[1].first >= 38


def test_the_frames_of_a_dissolve_belong_to_no_shot(tmp_path: Path) -> None:
    frames = drawn_film((3, 8), 40).astype(float)
    share = np.linspace(0, 1, 14)[1:-1, None, None, None]
    mixed = (1 - share) * frames[28:40] + share * frames[40:52]
    film = np.concatenate([frames[:28], mixed, frames[52:]]).round().astype(np.uint8)
    found = find_shots(open_film(encode(tmp_path / "a.mp4", film)), ShotSettings())
    assert len(found.shots) == 2 and found.decoded == 68
    assert 24 <= found.shots[0].end <= 31 and 37 <= found.shots[1].first <= 44


def test_a_flash_does_not_part_a_shot_and_an_inserted_picture_does(tmp_path: Path) -> None:
    frames = drawn_film((3, 8), 48)
    flash, insert = frames[:48].copy(), frames[:48].copy()
    flash[24:26] = 255
    insert[20:32] = frames[60:72]
    for film, expected in ((flash, [(0, 48)]), (insert, [(0, 20), (20, 32), (32, 48)])):
        found = find_shots(open_film(encode(tmp_path / "a.mp4", film)), ShotSettings())
        assert [(shot.first, shot.end) for shot in found.shots] == expected


def test_one_frame_and_a_held_picture_are_one_shot(tmp_path: Path) -> None:
    for count in (1, 30):
        path = encode(tmp_path / f"{count}.mp4", numbered(1).repeat(count, axis=0))
        found = find_shots(open_film(path), ShotSettings())
        assert found.shots == (Shot(first=0, end=count),)


@pytest.mark.parametrize(
    ("length", "clips"),
    [(0, []), (19, []), (20, [(2, 18)]), (100, [(2, 98)]), (101, [(2, 50), (50, 99)]),
     (300, [(2, 76), (76, 150), (150, 224), (224, 298)])],
)  # fmt: skip
def test_shots_are_trimmed_and_cut_into_equal_clips(
    length: int, clips: list[tuple[int, int]]
) -> None:
    found = cut_clips(Shot(first=0, end=length), 24.0, ShotSettings())
    assert [(clip.first, clip.end) for clip in found] == clips


def test_no_clip_is_shorter_than_sixteen_frames_at_any_rate() -> None:
    for fps in (4.0, 12.0, 60.0):
        for length in range(0, 400, 7):
            for clip in cut_clips(Shot(first=0, end=length), fps, ShotSettings()):
                assert clip.end - clip.first >= 16


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_settings_that_are_no_lengths_are_refused(value: float) -> None:
    with pytest.raises(DatasetError, match="min_seconds is a number from 0 up"):
        ShotSettings(min_seconds=value)
