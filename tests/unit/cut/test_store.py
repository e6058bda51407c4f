"""Clips are kept by everything that their pixels come from."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tooncrafter_core.cut.plain import time_cut
from tooncrafter_core.cut.store import (
    NOTE,
    ClipStore,
    Source,
    alone_in,
    digest_of_pixels,
    next_seed,
    redo,
)
from tooncrafter_core.errors import CutError, OutputError

SOURCE = Source(first="a", last="b", settings={"seed": 1, "steps": 2}, weights="w")
PICTURES = [bytes([i]) for i in range(16)]


@pytest.mark.parametrize(
    "change",
    [
        {"first": "c"},
        {"last": "c"},
        {"first": "b", "last": "a"},
        {"settings": {"seed": 2, "steps": 2}},
        {"weights": "v"},
        {"sketches": ((7, "s"),)},
    ],
)
def test_whatever_changes_pixels_changes_the_name(change: dict[str, object]) -> None:
    other = replace(SOURCE, **change)  # pyright: ignore[reportArgumentType]
    assert other.hash != SOURCE.hash


def test_the_order_of_settings_does_not() -> None:
    assert replace(SOURCE, settings={"steps": 2, "seed": 1}).hash == SOURCE.hash


def test_pictures_of_other_sizes_have_other_digests() -> None:
    assert digest_of_pixels(b"abcd", (2, 2)) != digest_of_pixels(b"abcd", (4, 1))


def test_a_clip_that_was_added_is_there(tmp_path: Path) -> None:
    store = ClipStore(tmp_path / "segments")
    assert not store.has(SOURCE)
    store.add(SOURCE, PICTURES)
    assert store.has(SOURCE)
    assert [path.read_bytes() for path in store.moments(SOURCE)] == PICTURES
    assert sorted(path.name for path in store.folder.iterdir()) == [SOURCE.hash]


def test_a_clip_that_lost_a_moment_or_its_note_counts_as_absent(tmp_path: Path) -> None:
    store = ClipStore(tmp_path)
    for name in ("07.png", NOTE):
        store.add(SOURCE, PICTURES)
        (tmp_path / SOURCE.hash / name).unlink()
        assert not store.has(SOURCE)
    store.add(SOURCE, PICTURES)
    assert store.has(SOURCE)


def test_a_clip_that_is_written_by_halves_leaves_nothing(tmp_path: Path) -> None:
    store = ClipStore(tmp_path)
    with pytest.raises(TypeError):
        store.add(SOURCE, [*PICTURES[:15], None])  # pyright: ignore[reportArgumentType]
    assert not store.has(SOURCE)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_what_was_drawn_and_leaves_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = ClipStore(tmp_path), replace(SOURCE, weights="v")
    store.add(SOURCE, PICTURES)
    written = []

    def write(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        with path.open("wb") as file:
            return file.write(content)

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OutputError, match="The disk is full"):
        store.add(other, PICTURES)
    assert [path.name for path in tmp_path.iterdir()] == [SOURCE.hash]
    assert store.has(SOURCE)
    assert not store.has(other)


def test_the_earlier_clip_stays_when_another_seed_is_drawn(tmp_path: Path) -> None:
    store, again = ClipStore(tmp_path), replace(SOURCE, settings={"seed": 2, "steps": 2})
    store.add(SOURCE, PICTURES)
    store.add(again, PICTURES[::-1])
    assert store.has(SOURCE)
    assert store.has(again)


def test_two_runs_do_not_draw_into_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with alone_in(folder):
        with pytest.raises(CutError, match="Another run is at work in"), alone_in(folder):
            pass
        with alone_in(tmp_path / "other"):
            pass
    with alone_in(folder) as still_here:
        still_here()
    assert list(folder.iterdir()) == []


def test_half_files_of_other_programs_keep_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "film.mp4.part").touch()
    with alone_in(tmp_path):
        pass


def test_what_a_killed_run_left_keeps_nobody_out(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with alone_in(tmp_path):
        mine = next(tmp_path.iterdir())
        name = mine.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
        left = tmp_path / name
    left.touch()
    with alone_in(tmp_path):
        pass


def test_a_segment_is_drawn_again_with_another_seed_and_no_other() -> None:
    cut = time_cut(["A", "B", "C"], [0, 4, 8])
    again = redo(cut, 2, seed=7)
    assert [segment.seed for segment in again.segments] == [None, 7]
    assert again.segments[0] == cut.segments[0]
    assert replace(again.segments[1], seed=None) == cut.segments[1]


@pytest.mark.parametrize(
    ("number", "seed", "says"),
    [(0, 1, "no segment 0"), (3, 1, "no segment 3: the cut has 2"), (1, -1, "not -1")],
)
def test_what_cannot_be_drawn_again_is_refused(number: int, seed: int, says: str) -> None:
    with pytest.raises(CutError, match=says):
        redo(time_cut(["A", "B", "C"], [0, 4, 8]), number, seed)


def test_the_next_seed_is_one_that_was_not_drawn() -> None:
    assert next_seed(123, {124, 125, 127}.__contains__) == 126
