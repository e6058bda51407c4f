"""Videos written and read back, and disks that refuse."""

import errno
import logging
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from support.films import exact_colours
from tooncrafter_core.errors import OutputError
from tooncrafter_core.files.parts import SIBLING
from tooncrafter_core.pictures import write
from tooncrafter_core.pictures.formats import FORMATS
from tooncrafter_core.pictures.stills import read_image
from tooncrafter_core.pictures.write import check_output, write_video

LOSSLESS = [".png", ".apng", ".webp"]
STREAMS = [".mp4", ".mkv", ".webm"]
"""With colours for 2x2 pixels, hence even sides."""


def clip(num_frames: int = 5, height: int = 36, width: int = 50) -> Tensor:
    """Flat frames of a colour that brightens from frame to frame."""
    colour = torch.tensor([-0.8, 0.2, 0.6])[None, :, None, None]
    steps = torch.linspace(0, 0.2, num_frames)[:, None, None, None]
    return (colour + steps).expand(num_frames, 3, height, width)


def levels(frames: Tensor) -> np.ndarray:
    """``t 3`` expected levels of flat frames."""
    return ((frames[:, :, 0, 0] + 1) * 127.5).round().numpy()


def read_stream(path: Path) -> tuple[np.ndarray, float]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [exact_colours(frame) for frame in container.decode(stream)]
        return np.stack(frames), float(stream.average_rate)


def read_animation(path: Path) -> tuple[np.ndarray, list[float]]:
    with Image.open(path) as image:
        frames, durations = [], []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(image.info.get("duration", 0))
        return np.stack(frames), durations


@pytest.mark.parametrize("suffix", STREAMS)
def test_streams_keep_colours_count_and_rate(tmp_path: Path, suffix: str) -> None:
    frames = clip()
    path = write_video(frames, tmp_path / f"out{suffix}", fps=12.5)
    read, rate = read_stream(path)
    assert read.shape == (5, 36, 50, 3)
    assert rate == pytest.approx(12.5)
    assert np.abs(read - levels(frames)[:, None, None]).max() <= 3


@pytest.mark.parametrize("suffix", STREAMS)
@pytest.mark.parametrize("size", [(35, 51), (1, 1)])
def test_streams_pad_odd_sides_and_say_so(
    tmp_path: Path, suffix: str, size: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        path = write_video(clip(3, *size), tmp_path / f"out{suffix}")
    read, _ = read_stream(path)
    assert read.shape[1:3] == (size[0] + 1, size[1] + 1)
    assert "even sides" in caplog.text


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_give_back_every_level(tmp_path: Path, suffix: str) -> None:
    frames = torch.rand(4, 3, 7, 9, generator=torch.Generator().manual_seed(1)) * 2 - 1
    path = write_video(frames, tmp_path / f"out{suffix}", fps=10, lossless=True)
    read, durations = read_animation(path)
    expected = ((frames + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    assert np.array_equal(read, expected)
    assert suffix == ".webp" or durations == [100.0] * 4


@pytest.mark.parametrize("fps", [8, 12, 24, 50])
def test_gif_times_add_up_though_it_counts_in_hundredths(tmp_path: Path, fps: int) -> None:
    frames = clip(24)
    read, durations = read_animation(write_video(frames, tmp_path / "out.gif", fps=fps))
    assert np.abs(read - levels(frames)[:, None, None]).max() <= 1
    assert all(duration % 10 == 0 and duration >= 20 for duration in durations)
    assert sum(durations) == pytest.approx(24000 / fps, abs=10)


def test_values_are_clamped_and_rounded_to_nearest(tmp_path: Path) -> None:
    frames = torch.tensor([-3.0, 200.4 / 127.5 - 1, 3.0])[None, :, None, None].expand(1, 3, 2, 2)
    folder = write_video(frames, tmp_path / "out")
    assert np.asarray(Image.open(folder / "0001.png"))[0, 0].tolist() == [0, 200, 255]


def test_half_precision_frames_are_written(tmp_path: Path) -> None:
    write_video(clip().bfloat16(), tmp_path / "out.png")


def test_a_folder_gets_numbered_pictures_and_loses_older_ones_only_when_asked(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "deep" / "out"
    write_video(clip(12), folder)
    assert sorted(path.name for path in folder.iterdir())[-1] == "0012.png"
    with pytest.raises(OutputError, match=r"holds 12 pictures \('0001.png' ...\).*--overwrite"):
        write_video(clip(3), folder)
    assert len(list(folder.iterdir())) == 12
    write_video(clip(3), folder, overwrite=True)
    assert [path.name for path in sorted(folder.iterdir())] == ["0001.png", "0002.png", "0003.png"]
    image = read_image(folder / "0001.png")
    found = ((image + 1) * 127.5).round().numpy()
    assert np.array_equal(found, np.broadcast_to(levels(clip(3))[0, :, None, None], found.shape))


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds other files \('diary.txt'\)"):
        write_video(clip(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        check_output(tmp_path / "out")


def test_unknown_extensions_are_answered_with_those_known(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.mp4 .*\.gif .*'\.avi' is none"):
        write_video(clip(), tmp_path / "out.avi")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "fps"), [("a.mp4", 0), ("a.mp4", -8), ("a.gif", 60), ("a.mp4", float("nan"))]
)
def test_rates_nothing_can_play_are_refused(tmp_path: Path, name: str, fps: float) -> None:
    with pytest.raises(OutputError, match="can play at"):
        check_output(tmp_path / name, fps)


@pytest.mark.parametrize(
    "shape", [(0, 3, 8, 8), (5, 8, 8, 3), (3, 8, 8), (5, 2, 8, 8), (5, 5, 8, 8)]
)
def test_frames_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(OutputError, match="t 3 h w"):
        write_video(torch.zeros(shape), tmp_path / "out.gif")


def test_frames_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not numbers"):
        write_video(clip() * float("nan"), tmp_path / "out.gif")


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Every write stops half way."""

    def stop_film(*arguments: Any) -> None:
        arguments[3].write(b"half")
        raise error

    def stop_picture(picture: np.ndarray) -> bytes:
        raise error

    monkeypatch.setattr(write, "encode_film", stop_film)
    monkeypatch.setattr(write, "encode_png", stop_picture)


@pytest.mark.parametrize("name", [*(f"out{suffix}" for suffix in FORMATS), "out"])
def test_a_full_disk_is_told_in_words_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fill_the_disk(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(OutputError, match=r"The disk is full: there is no room for '") as e:
        write_video(clip(), tmp_path / name)
    assert str(tmp_path) in str(e.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("name", ["out.png", "out"])
def test_an_older_video_survives_a_failed_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException
) -> None:
    path = write_video(clip(), tmp_path / name)
    first = path / "0001.png" if path.is_dir() else path
    before = first.read_bytes()
    fill_the_disk(monkeypatch, error)
    with pytest.raises((OutputError, KeyboardInterrupt), match=r"full|^$"):
        write_video(clip(2), path, overwrite=True)
    assert first.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_older_folder_comes_back_when_the_swap_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(clip(3), tmp_path / "out")
    replace = Path.replace

    def refuse_new(source: Path, target: Path) -> Path:
        if source.parent.name == SIBLING:
            raise OSError(errno.EACCES, "in use")
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refuse_new)
    with pytest.raises(OutputError, match="in use"):
        write_video(clip(2), path, overwrite=True)
    assert len(list(path.iterdir())) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_come_into_a_folder_while_it_is_written_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(clip(3), tmp_path / "out")
    replace = Path.replace

    def come_late(source: Path, target: Path) -> Path:
        if source == path:
            (path / "diary.txt").write_text("mine")
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", come_late)
    with pytest.raises(OutputError, match=r"holds other files .*diary\.txt"):
        write_video(clip(2), path, overwrite=True)
    assert (path / "diary.txt").read_text() == "mine"
    assert len(list(path.iterdir())) == 4
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_folder_is_filled_and_stays_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    before = folder.stat().st_ino
    replace = Path.replace

    def refuse_third(source: Path, target: Path) -> Path:
        if source.name == "0003.png":
            raise OSError(errno.EACCES, "in use")
        return replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse_third)
        with pytest.raises(OutputError, match="in use"):
            write_video(clip(3), folder)
    assert not list(folder.iterdir())
    write_video(clip(3), folder)
    assert folder.stat().st_ino == before
    assert sorted(path.name for path in folder.iterdir()) == ["0001.png", "0002.png", "0003.png"]


def test_a_folder_that_cannot_be_made_is_reported_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_video(clip(), tmp_path / "file" / "out.gif")
