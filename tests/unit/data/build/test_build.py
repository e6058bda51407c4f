"""A data set is built, goes on after every kind of stop, and survives every kind of bad film."""

import errno
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.films import drawn_film, encode, numbered
from tooncrafter_core.data.build import workers
from tooncrafter_core.data.build.build import Progress, build_dataset
from tooncrafter_core.data.build.decide import Thresholds
from tooncrafter_core.data.build.manifest import read_notes, read_rows
from tooncrafter_core.data.build.report import summarise
from tooncrafter_core.data.build.settings import BuildSettings
from tooncrafter_core.errors import DatasetError, OutputError
from tooncrafter_core.jobs.cluster import RayRunner
from tooncrafter_core.jobs.runner import run_here

ROOT = Path(__file__).parents[4]
PLAIN = BuildSettings(find_text=False)
SEEDS = {"a.mp4": (3, 8), "b.mp4": (5, 12), "c.mp4": (6, 14)}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films of two drawn shots each."""
    folder = tmp_path_factory.mktemp("films")
    for name, seeds in SEEDS.items():
        encode(folder / name, drawn_film(seeds, 28), crf="12")
    return folder


@pytest.fixture(scope="module")
def whole(films: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The rows of a build that nothing stopped."""
    return list(read_rows(build_dataset([films], tmp_path_factory.mktemp("whole"), PLAIN)))


def test_films_become_clips_with_scores_and_decisions(whole: list[dict[str, Any]]) -> None:
    assert len(whole) == 6 and {Path(row["source"]).name for row in whole} == set(SEEDS)
    for row in whole:
        assert row["num_frames"] == row["out_frame"] - row["in_frame"] == 24
        assert row["fps"] == 24 and (row["width"], row["height"]) == (96, 64)
        assert row["motion"] > 0 and row["motion_peak"] >= row["motion"]
        assert row["text"] is None and row["aesthetic"] is None and row["agreement"] is None
        assert row["decision"] in ("kept", "rejected") and not row["error"]
        assert "OpenCV DIS" in row["models"]


def test_the_manifest_says_what_was_skipped(films: Path, tmp_path: Path) -> None:
    notes = read_notes(build_dataset([films / "a.mp4"], tmp_path, PLAIN))
    assert notes.stages["aesthetic"] == "skipped: no weights were given"
    assert notes.stages["text"] == "skipped: switched off"
    assert notes.stages["motion"]["model"] == "OpenCV DIS, medium"


def test_a_second_run_computes_nothing(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = list(read_rows(build_dataset([films], tmp_path, PLAIN)))
    monkeypatch.setattr(workers, "read_pixels", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr(workers, "find_shots", lambda *_: pytest.fail("searched again"))
    seen: list[Progress] = []
    strict = Thresholds(min_motion=10.0)
    again = list(
        read_rows(build_dataset([films], tmp_path, PLAIN, strict, on_progress=seen.append))
    )
    assert [row["motion"] for row in again] == [row["motion"] for row in first]
    assert {row["decision"] for row in again} == {"rejected"}
    assert [(p.what, p.total) for p in seen] == [("films", 0), ("clips", 0)]


def test_a_new_stage_is_added_to_the_old_scores(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_dataset([films / "a.mp4"], tmp_path, PLAIN)
    from tooncrafter_core.data.build.scores.motion import DisMotion
    from tooncrafter_core.data.build.scores.text import RapidText

    monkeypatch.setattr(DisMotion, "score", lambda *_: pytest.fail("computed again"))
    monkeypatch.setattr(RapidText, "score", lambda *_: {"text": 0.9})
    rows = list(read_rows(build_dataset([films / "a.mp4"], tmp_path)))
    assert {row["text"] for row in rows} == {0.9} and all(row["motion"] > 0 for row in rows)
    assert all(row["reason"].startswith("text") for row in rows)


def test_a_film_that_changed_is_looked_at_again(films: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    shutil.copy(films / "a.mp4", path)
    first = list(read_rows(build_dataset([path], tmp_path / "out", PLAIN)))
    shutil.copy(films / "b.mp4", path)
    second = list(read_rows(build_dataset([path], tmp_path / "out", PLAIN)))
    assert {row["sha256"] for row in first} != {row["sha256"] for row in second}


class StoppedError(Exception):
    """Somebody pulled the plug."""


def stopping_after(count: int) -> Callable[..., Iterator[Any]]:
    """A runner that stops in the middle of a job after so many."""

    def run(make: Any, jobs: Any) -> Iterator[Any]:
        for number, outcome in enumerate(run_here(make, jobs)):
            if number == count:
                raise StoppedError
            yield outcome

    return run


def test_a_run_stopped_three_times_gives_the_same(
    films: Path, tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    for count in (1, 2, 1):
        with pytest.raises(StoppedError):
            build_dataset([films], tmp_path, PLAIN, runner=stopping_after(count))
    assert list(read_rows(build_dataset([films], tmp_path, PLAIN))) == whole


KILLED = """
import sys
from tooncrafter_core.data.build.build import build_dataset
from tooncrafter_core.data.build.settings import BuildSettings
build_dataset([sys.argv[1]], sys.argv[2], BuildSettings(find_text=False))
"""


def test_a_run_killed_three_times_gives_the_same(
    films: Path, tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    def count() -> int:
        return len(list(tmp_path.glob("work/*/**/*.json")))

    for _ in range(3):
        before = count()
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(films), str(tmp_path)], cwd=ROOT
        )
        deadline = time.monotonic() + 600
        while count() <= before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        process.wait()
        assert count() > before or before == 9, "a killed run keeps what it had done"
    assert list(read_rows(build_dataset([films], tmp_path, PLAIN))) == whole
    assert not list(tmp_path.glob("work/**/.*.part"))


@pytest.mark.slow
def test_four_ray_workers_give_the_same(
    films: Path, tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    ray = pytest.importorskip("ray")
    try:
        path = build_dataset([films], tmp_path, PLAIN, runner=RayRunner(workers=4))
        assert list(read_rows(path)) == whole
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_memory_stays_flat_over_many_clips(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    for number in range(40):
        encode(tmp_path / "films" / f"{number}.mp4", drawn_film((number, number + 100), 28))
    sizes: list[int] = []
    process = psutil.Process()
    build_dataset(
        [tmp_path / "films"], tmp_path / "out", PLAIN,
        on_progress=lambda _: sizes.append(process.memory_info().rss),
    )  # fmt: skip
    assert sizes[-1] - sizes[len(sizes) // 4] < 40 * 2**20


def bad_films(folder: Path, films: Path) -> None:
    """One film of every kind that is no good, or not what it seems."""
    (folder / "empty.mp4").touch()
    (folder / "text.mkv").write_text("no film " * 500)
    good = (films / "a.mp4").read_bytes()
    (folder / "truncated.mp4").write_bytes(good[: len(good) // 2])
    encode(folder / "one frame.mp4", numbered(1))
    encode(folder / "short.mp4", numbered(12))
    encode(folder / "만화 영화 (1936).mp4", drawn_film((21,), 28), crf="12")
    encode(folder / "odd.mkv", drawn_film((22,), 28)[:, :63, :95], codec="ffv1",
           pixel_format="bgr0")  # fmt: skip
    encode(folder / "ten bit.mkv", drawn_film((23,), 28), pixel_format="yuv420p10le")
    times = [40 * i + (300 if i > 12 else 0) + (7 * i * i if i > 20 else 0) for i in range(28)]
    encode(folder / "variable.mkv", drawn_film((24,), 28), times=times, bf="0")
    shutil.copy(folder / "ten bit.mkv", folder / "ten bit copy.mkv")
    with wave.open(str(folder / "sound.m4v"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))


def test_bad_films_are_rows_with_their_error_and_the_rest_is_built(
    films: Path, tmp_path: Path
) -> None:
    (tmp_path / "films").mkdir()
    bad_films(tmp_path / "films", films)
    found = {
        Path(row["source"]).name: row
        for row in read_rows(build_dataset([tmp_path / "films"], tmp_path / "out", PLAIN))
    }
    assert len(found) == 11
    errors = {name for name, row in found.items() if row["decision"] == "error"}
    assert errors == {"empty.mp4", "text.mkv", "truncated.mp4", "sound.m4v"}
    assert "an empty file" in found["empty.mp4"]["error"]
    assert "no video, only audio" in found["sound.m4v"]["error"]
    for name in ("one frame.mp4", "short.mp4"):
        assert "long enough" in found[name]["reason"]
    assert found["ten bit.mkv"]["duplicate_of"] or found["ten bit copy.mkv"]["duplicate_of"]
    assert found["variable.mkv"]["is_variable_rate"]
    assert (found["odd.mkv"]["width"], found["odd.mkv"]["height"]) == (95, 63)
    for name in ("만화 영화 (1936).mp4", "odd.mkv", "variable.mkv"):
        assert found[name]["motion"] is not None


def test_a_film_that_goes_away_in_the_middle_is_an_error_in_its_clips(
    films: Path, tmp_path: Path
) -> None:
    shutil.copytree(films, tmp_path / "films")

    def losing(make: Any, jobs: Any) -> Iterator[Any]:
        yield from run_here(make, jobs)
        (tmp_path / "films" / "b.mp4").unlink(missing_ok=True)
        workers._film.cache_clear()

    rows = read_rows(build_dataset([tmp_path / "films"], tmp_path / "out", PLAIN, runner=losing))
    errors = {Path(row["source"]).name for row in rows if row["decision"] == "error"}
    assert errors == {"b.mp4"}


def test_nothing_to_build_from_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no video in"):
        build_dataset([tmp_path], tmp_path / "out", PLAIN)
    with pytest.raises(DatasetError, match="no file or folder"):
        build_dataset([tmp_path / "none"], tmp_path / "out", PLAIN)


def test_a_full_disk_stops_the_run_and_keeps_what_was_done(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[dict[str, Any]]
) -> None:
    write, left = Path.write_bytes, [4]

    def full(path: Path, content: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="The disk is full"):
        build_dataset([films], tmp_path, PLAIN)
    monkeypatch.undo()
    assert len(list(tmp_path.glob("work/*/**/*.json"))) == 4
    assert list(read_rows(build_dataset([films], tmp_path, PLAIN))) == whole


def test_a_folder_of_frames_is_a_film_and_what_was_done_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "films" / "walk.v2"
    folder.mkdir(parents=True)
    for number, pixels in enumerate(drawn_film([1]), 1):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    alpha = np.full((30, 64, 96, 1), 200, np.uint8)
    clear = np.concatenate([drawn_film([2]), alpha], axis=-1)
    encode(tmp_path / "films" / "clear.mov", clear, codec="qtrle", pixel_format="argb")
    (tmp_path / "films" / "walk.v2.txt").write_text("a walk")
    manifest = build_dataset([tmp_path / "films"], tmp_path / "out", PLAIN)
    rows = list(read_rows(manifest))
    assert {Path(row["source"]).name for row in rows} == {"walk.v2", "clear.mov"}
    assert not any(row["error"] for row in rows)
    assert {row["caption"] for row in rows if row["source"].endswith("walk.v2")} == {"a walk"}
    assert summarise(manifest).changed == {"transparent: laid over white": 1}
