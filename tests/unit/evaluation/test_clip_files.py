"""Clips are found and read, and what cannot be used is reported in words."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.evaluation.clip_files import find_clips, fit_clip, read_clip, write_frames
from tooncrafter_core.evaluation.cutting import CutSettings, cut_clips, rest_of
from tooncrafter_core.metrics.metric import check_pair
from tooncrafter_core.pictures.write import write_video

MakeClip = Callable[..., Tensor]


def test_clips_of_a_folder_are_found_with_their_prompts(clip_folder: Path) -> None:
    (clip_folder / "slow.txt").write_text("a ball rolls\n", encoding="utf-8")
    clips = find_clips([clip_folder])
    assert [(clip.name, clip.prompt) for clip in clips] == [
        ("fast one 한글", ""),
        ("slow", "a ball rolls"),
    ]
    assert find_clips([clip_folder / "slow"]) == [clips[1]]


def test_a_list_names_clips_and_prompts(clip_folder: Path) -> None:
    manifest = clip_folder / "list.csv"
    manifest.write_text("path,prompt\nslow,'a ball'\n", encoding="utf-8")
    assert [(clip.name, clip.prompt) for clip in find_clips([manifest])] == [("slow", "'a ball'")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no list of clips"),
        ("name\nslow\n", "word 'path'"),
        ("", "word 'path'"),
        ("path\nnowhere\n", "'nowhere', which is missing"),
    ],
)
def test_a_list_that_is_missing_or_wrong_is_reported(
    content: str | None, words: str, tmp_path: Path
) -> None:
    manifest = tmp_path / "list.csv"
    if content is not None:
        manifest.write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match=words):
        find_clips([manifest])


def test_an_empty_or_missing_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvaluationError, match="empty of clips"):
        find_clips([tmp_path / "empty"])
    with pytest.raises(EvaluationError, match="no clip at"):
        find_clips([tmp_path / "nowhere"])
    with pytest.raises(EvaluationError, match="holds no pictures"):
        read_clip(tmp_path / "empty")


def test_two_clips_of_one_name_are_reported(clip_folder: Path) -> None:
    with pytest.raises(EvaluationError, match="Two clips are named 'slow'"):
        find_clips([clip_folder, clip_folder / "slow"])


def test_frames_come_back_from_folder_and_video(tmp_path: Path, make_clip: MakeClip) -> None:
    frames = make_clip()
    for name, tolerance in (("folder", 0.005), ("video.mkv", 0.1)):
        read = read_clip(write_video(frames, tmp_path / name), 6)
        assert read.shape == frames.shape
        assert (read - frames).abs().mean() < tolerance


@pytest.mark.parametrize("name", ["walk.v2", "Popeye.1936", "Popeye.1936_000048"])
def test_names_may_have_dots(name: str, tmp_path: Path, make_clip: MakeClip) -> None:
    write_frames(make_clip(), tmp_path / name)
    assert [clip.name for clip in find_clips([tmp_path / name])] == [name]
    assert read_clip(tmp_path / name, 6).shape == make_clip().shape


@pytest.mark.parametrize("content", [b"", b"not a video at all, only words", b"\x1aE\xdf\xa3" * 9])
def test_an_unreadable_video_is_reported(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.mkv"
    path.write_bytes(content)
    with pytest.raises(EvaluationError, match=r"broken.mkv' (cannot be read|is an empty file)"):
        read_clip(path)


def test_one_frame_and_the_wrong_number_are_reported(tmp_path: Path, make_clip: MakeClip) -> None:
    write_video(make_clip()[:1], tmp_path / "one")
    with pytest.raises(EvaluationError, match="has 1 frame; needed are two keyframes"):
        read_clip(tmp_path / "one")
    write_video(make_clip(), tmp_path / "six")
    with pytest.raises(EvaluationError, match="has 6 frames and 16 are needed"):
        read_clip(tmp_path / "six", 16)


def test_pictures_of_different_sizes_are_reported(tmp_path: Path, make_clip: MakeClip) -> None:
    write_video(make_clip(), tmp_path / "clip")
    write_video(make_clip(width=64), tmp_path / "other")
    (tmp_path / "other" / "0001.png").replace(tmp_path / "clip" / "0001.png")
    with pytest.raises(EvaluationError, match="different sizes"):
        read_clip(tmp_path / "clip")


def test_videos_that_cannot_be_compared_are_reported() -> None:
    video = torch.zeros(4, 3, 16, 24)
    with pytest.raises(EvaluationError, match="differ in length: 3 frames against 4"):
        check_pair(video[:3], video)
    with pytest.raises(EvaluationError, match="differ in size: 24x8 against 24x16"):
        check_pair(video[:, :, :8], video)
    with pytest.raises(EvaluationError, match="must be t 3 h w"):
        check_pair(video[:, :1], video)
    broken = video.clone()
    broken[2, 0, 0, 0] = torch.nan
    with pytest.raises(EvaluationError, match=r"not numbers .* in frames 3"):
        check_pair(broken, video)


def test_a_clip_is_fitted_by_cropping(make_clip: MakeClip) -> None:
    assert fit_clip(make_clip(), 96, 96).shape == (6, 3, 96, 96)


def test_clips_are_cut_between_changes_of_shot(tmp_path: Path, make_clip: MakeClip) -> None:
    moving, still = make_clip(20, 64, 48, 30.0), make_clip(12, 64, 48, 0.0)
    film = write_video(torch.cat([moving, -moving, still]), tmp_path / "film.mkv")
    settings = CutSettings(num_frames=4, stride=3, every=6, width=48, height=32)
    found = list(cut_clips(film, settings))
    # A clip spans ten frames: none may hold the cut at 20 or 40, or lie in the still end.
    assert [start for start, _ in found] == [0, 6, 24, 30]
    assert {tuple(frames.shape) for _, frames in found} == {(4, 3, 32, 48)}
    expected = fit_clip(moving[[0, 3, 6, 9]], 48, 32)
    assert (found[0][1] - expected).abs().mean() < 0.1


def test_what_is_left_to_learn_from_is_apart_from_every_clip(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving = make_clip(70, 64, 48, 30.0)
    film = write_video(torch.cat([moving, -moving]), tmp_path / "film.mkv")
    settings = CutSettings(num_frames=4, stride=3, every=40, width=48, height=32, apart=5)
    # Clips span ten frames from 0, 40, 80 and 120 on; the shot ends at 70.
    assert settings.span == 10
    found = {start: len(frames) for start, frames in rest_of(film, settings)}
    assert found == {15: 20, 55: 14, 71: 4, 95: 20, 135: 4}
    monkeypatch.setattr("tooncrafter_core.evaluation.cutting.LONGEST_REST", 8)
    assert [start for start, _ in rest_of(film, settings)] == [
        15,
        23,
        31,
        55,
        63,
        71,
        95,
        103,
        111,
        135,
    ]


def test_no_room_to_learn_from_is_reported(tmp_path: Path, make_clip: MakeClip) -> None:
    film = write_video(make_clip(20, 64, 48, 30.0), tmp_path / "film.mkv")
    settings = CutSettings(num_frames=4, stride=3, every=20, apart=5)
    with pytest.raises(EvaluationError, match=r"leave 0 frames .* larger --every"):
        next(rest_of(film, settings))


def test_cutting_needs_a_sensible_length() -> None:
    with pytest.raises(EvaluationError, match="3 frames or more"):
        CutSettings(num_frames=2)
