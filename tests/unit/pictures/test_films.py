"""Frames are found by their number in films of every kind, and bad films are named."""

import wave
from pathlib import Path

import numpy as np
import pytest

from support.films import encode, numbered
from tooncrafter_core.errors import DatasetError
from tooncrafter_core.pictures.films import open_film


def levels(frames: np.ndarray) -> list[int]:
    return [round(float(frame.mean())) for frame in frames]


def test_frames_are_found_by_number_after_seeking(tmp_path: Path) -> None:
    frames = numbered(40)
    options = {"g": "12", "bf": "3", "crf": "10"}
    index = open_film(encode(tmp_path / "a.mp4", frames, **options))
    assert (index.num_frames, index.width, index.height, index.fps) == (40, 64, 48, 24)
    assert not index.is_variable
    for wanted in ([0], [39], [5, 6, 7], [11, 12, 13, 30], [25, 37]):
        assert np.allclose(levels(index.read(wanted)), levels(frames[wanted]), atol=3)


@pytest.mark.parametrize("wanted", [[], [-1], [40]])
def test_frames_that_are_not_there_are_an_error(tmp_path: Path, wanted: list[int]) -> None:
    index = open_film(encode(tmp_path / "a.mp4", numbered(40)))
    with pytest.raises(DatasetError, match="has 40 frames"):
        index.read(wanted)


def test_variable_rate_is_noticed_and_read_by_number(tmp_path: Path) -> None:
    times = [0, 40, 80, 400, 440, 1200, 1240, 1280, 1320, 2000]
    frames = numbered(10)
    index = open_film(encode(tmp_path / "a.mkv", frames, times=times, bf="0"))
    assert index.is_variable and index.num_frames == 10
    assert index.fps == pytest.approx(9 / 2.0, rel=0.05)
    assert np.allclose(levels(index.read([2, 3, 9])), levels(frames[[2, 3, 9]]), atol=3)


def test_a_millisecond_clock_is_no_variable_rate(tmp_path: Path) -> None:
    assert not open_film(encode(tmp_path / "a.mkv", numbered(30))).is_variable


def test_ten_bits_odd_sides_and_one_frame(tmp_path: Path) -> None:
    ten = encode(tmp_path / "ten.mkv", numbered(3), pixel_format="yuv420p10le", crf="5")
    index = open_film(ten)
    assert "10" in index.pixel_format
    assert np.allclose(levels(index.read([1])), levels(numbered(3)[1:2]), atol=3)
    odd = open_film(
        encode(tmp_path / "odd.mkv", numbered(3, 33, 51), codec="ffv1", pixel_format="bgr0")
    )
    assert odd.read([2]).shape == (1, 33, 51, 3)
    one = open_film(encode(tmp_path / "one.mp4", numbered(1)))
    assert one.num_frames == 1 and one.read([0]).shape == (1, 48, 64, 3)


def test_what_is_transparent_shows_white(tmp_path: Path) -> None:
    frames = np.zeros((2, 32, 32, 4), dtype=np.uint8)
    frames[:, :, 16:] = (200, 0, 0, 255)
    index = open_film(encode(tmp_path / "a.mov", frames, codec="qtrle", pixel_format="argb"))
    found = index.read([0])[0]
    assert (found[:, :16] == 255).all()
    assert (found[:, 16:] == (200, 0, 0)).all()


def test_names_with_spaces_and_korean(tmp_path: Path) -> None:
    path = encode(tmp_path / "내 만화 film" / "첫 번째.mp4", numbered(3))
    assert open_film(path).read([2]).shape[0] == 1


def test_a_film_in_memory_is_read_like_a_file(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", numbered(20))
    index = open_film("shard/a.mp4", path.read_bytes())
    assert (index.read([3, 17]) == open_film(path).read([3, 17])).all()


def test_files_that_are_no_films_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(DatasetError, match=r"'empty.mp4' is an empty file"):
        open_film(empty)
    with pytest.raises(DatasetError, match="holds no pictures"):
        open_film(tmp_path)
    with pytest.raises(DatasetError, match="No such file"):
        open_film(tmp_path / "none.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("no film at all " * 100)
    with pytest.raises(DatasetError, match="cannot be read as a video"):
        open_film(text)
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    with pytest.raises(DatasetError, match="holds no video, only audio"):
        open_film(sound)


def test_truncated_films_lose_only_their_end(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (30, 48, 64, 3), dtype=np.uint8)
    whole = encode(tmp_path / "a.mkv", frames, g="5")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    index = open_film(cut)
    assert 5 < index.num_frames < 30
    decoded = [number for number, _ in index.iterate()]
    assert decoded == list(range(len(decoded))) and len(decoded) >= index.num_frames - 1
    header_lost = tmp_path / "cut.mp4"
    mp4 = encode(tmp_path / "b.mp4", frames)
    header_lost.write_bytes(mp4.read_bytes()[:-3000])
    with pytest.raises(DatasetError, match="cannot be read as a video"):
        open_film(header_lost)


def test_a_damaged_middle_is_passed_over_and_asked_for_it_is_an_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (30, 48, 64, 3), dtype=np.uint8)
    path = encode(tmp_path / "a.mov", frames, codec="png", pixel_format="rgb24")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 12000] = bytes(12000)
    path.write_bytes(content)
    index = open_film(path)
    decoded = [number for number, _ in index.iterate()]
    assert len(decoded) > 10
    missing = sorted(set(range(index.num_frames)) - set(decoded))
    if missing:
        with pytest.raises(DatasetError, match="is damaged"):
            index.read(missing[:1])
