"""Files and folders are replaced whole, whatever stops the program that writes them."""

import errno
import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tooncrafter_core.errors import OutputError
from tooncrafter_core.files import (
    append_lines,
    errors_in_words,
    read_json,
    remove_abandoned,
    replacing,
    replacing_folder,
    write_bytes,
    write_json,
    write_text,
)
from tooncrafter_core.files import parts as parts_module
from tooncrafter_core.files.parts import ABANDONED_AFTER, SIBLING, WITHIN, is_running, part_name

SIZE = 1 << 20
NUM_FILES = 12


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def part_of(process: int, machine: str = parts_module._MACHINE) -> str:
    """The name of a part that a process has left."""
    return f".tooncrafter-{machine}-{process}-0a1b2c.part"


def process_that_is_gone() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_values_come_back_and_texts_keep_their_line_ends(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "a.json", {"b": 1, "ä": [None]})
    assert read_json(tmp_path / "deep" / "a.json") == {"b": 1, "ä": [None]}
    write_text(tmp_path / "a.txt", "ä\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == "ä\nb\n".encode()
    append_lines(tmp_path / "log", ["one"])
    append_lines(tmp_path / "log", ["two", "three"])
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"
    assert names(tmp_path) == ["a.txt", "deep", "log"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_cannot_be_read_as_json_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert read_json(tmp_path / "a.json") is None
    assert read_json(tmp_path / "none.json") is None


def test_a_part_is_hidden_and_no_file_that_comfyui_lists(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.safetensors") as part:
        assert part.parent == tmp_path
        assert part.name.startswith(".") and part.suffix == ".part"
        part.write_bytes(b"x")
        assert names(tmp_path) == [part.name]
    assert names(tmp_path) == ["a.safetensors"]


def test_a_part_in_use_stays_by_whatever_spelling_its_folder_is_searched(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    with replacing(tmp_path / "a.txt") as part:
        part.write_bytes(b"x")
        parts_module.remove_abandoned(tmp_path / "deep" / "..")
        assert part.exists()
    assert (tmp_path / "a.txt").read_bytes() == b"x"


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    write_bytes(tmp_path / ("n" * 255), b"x")
    assert names(tmp_path) == ["n" * 255]


def write_file(path: Path, content: bytes, error: BaseException | None = None) -> None:
    with replacing(path) as part:
        part.write_bytes(content)
        if error is not None:
            raise error


def write_folder(path: Path, content: bytes, error: BaseException | None = None) -> None:
    with replacing_folder(path, lambda _: True) as new:
        (new / "1").write_bytes(content)
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("wrong")])
def test_what_goes_wrong_in_the_block_leaves_the_old_version(
    tmp_path: Path, error: BaseException
) -> None:
    file, folder = tmp_path / "a", tmp_path / "b"
    write_file(file, b"old")
    write_folder(folder, b"old")
    with pytest.raises(type(error)):
        write_file(file, b"new", error)
    with pytest.raises(type(error)):
        write_folder(folder, b"new", error)
    assert names(tmp_path) == ["a", "b"] and names(folder) == ["1"]
    assert file.read_bytes() == (folder / "1").read_bytes() == b"old"


@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interrupted_swap_of_folders_leaves_one_of_them_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int, moment: str
) -> None:
    write_folder(tmp_path / "a", b"old")
    replace, calls = Path.replace, []

    def interrupted(source: Path, target: Path) -> Path:
        calls.append(source)
        if moment == "before" and len(calls) == call:
            raise KeyboardInterrupt
        done = replace(source, target)
        if moment == "after" and len(calls) == call:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "a", b"new")
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["1"]
    is_new = (call, moment) == (4, "after")
    assert (tmp_path / "a" / "1").read_bytes() == (b"new" if is_new else b"old")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "The disk is full: there is no room for 'a.mp4', 3.0 MB in '"),
        (errno.EDQUOT, "what was done is kept"),
        (errno.EACCES, "or close the program that uses it"),
        (errno.EIO, "Choose another place."),
    ],
)
def test_the_system_s_refusals_come_in_words(tmp_path: Path, number: int, says: str) -> None:
    with pytest.raises(OutputError) as caught, errors_in_words(tmp_path / "a.mp4", 3_000_000):
        raise OSError(number, os.strerror(number))
    assert says in str(caught.value)


def test_parts_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        kept = [part_of(running.pid), part_of(1, "00000000"), ".tooncrafter.part", "a.part"]
        gone = [part_of(process_that_is_gone()), part_of(os.getpid())]
        for name in [*kept, *gone]:
            (tmp_path / name).write_bytes(b"half")
        folder = tmp_path / gone[0].replace("0a1b2c", "333333")
        (folder / "new").mkdir(parents=True)
        (folder / "new" / "0001.png").write_bytes(b"half")
        write_bytes(tmp_path / "a", b"whole")
        assert names(tmp_path) == sorted([*kept, "a"])
        assert is_running(running.pid)
        running.communicate(b"\n")
    assert not is_running(running.pid)
    remove_abandoned(tmp_path)
    assert names(tmp_path) == sorted([*kept[1:], "a"])


def test_a_part_of_another_machine_goes_when_nobody_has_touched_it_for_a_day(
    tmp_path: Path,
) -> None:
    name = part_of(1, "00000000")
    (tmp_path / name).write_bytes(b"half")
    for age, left in ((ABANDONED_AFTER / 2, [name]), (2 * ABANDONED_AFTER, [])):
        os.utime(tmp_path / name, (time.time() - age,) * 2)
        remove_abandoned(tmp_path)
        assert names(tmp_path) == left


def test_a_part_that_is_being_written_stays(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as part:
        part.write_bytes(b"x")
        remove_abandoned(tmp_path)
        assert part.exists()
    assert part_name() != part_name()


@pytest.mark.parametrize("is_old_there", [False, True])
def test_a_swap_that_a_kill_cut_in_two_is_finished(tmp_path: Path, is_old_there: bool) -> None:
    part = tmp_path / part_of(process_that_is_gone())
    (part / SIBLING / "a").mkdir(parents=True)
    (part / SIBLING / "a" / "1").write_bytes(b"new")
    (part / "old").mkdir()
    if is_old_there:
        write_bytes(tmp_path / "a" / "1", b"old")
    remove_abandoned(tmp_path)
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a" / "1").read_bytes() == (b"old" if is_old_there else b"new")


def test_a_kill_while_an_empty_folder_is_filled_is_made_good(tmp_path: Path) -> None:
    part = tmp_path / part_of(process_that_is_gone())
    (part / WITHIN).mkdir(parents=True)
    (part / WITHIN / "0002.png").write_bytes(b"2")
    (tmp_path / "0001.png").write_bytes(b"1")
    remove_abandoned(tmp_path)
    assert names(tmp_path) == ["0001.png", "0002.png"]


def first_letter(path: Path) -> int | None:
    return path.read_bytes()[0] if path.exists() else None


def write_again_and_again(folder: str, start: int) -> None:
    """A process that replaces a file and a folder until it is killed."""
    for number in range(start, 1_000_000):
        letter = bytes([number % 256])
        write_bytes(Path(folder) / "file", letter * SIZE)
        with replacing_folder(Path(folder) / "frames", lambda _: True) as new:
            for index in range(NUM_FILES):
                (new / f"{index}").write_bytes(letter * 1000)


def test_killed_at_random_moments_the_old_or_the_new_version_is_whole(tmp_path: Path) -> None:
    context, rng = multiprocessing.get_context("forkserver"), random.Random(1)
    left_behind = 0
    for _ in range(12):
        before = first_letter(tmp_path / "file")
        start = (before or 0) + 1
        child = context.Process(target=write_again_and_again, args=(str(tmp_path), start))
        child.start()
        while child.is_alive() and first_letter(tmp_path / "file") in (None, before, start):
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.02))
        child.kill()
        child.join()
        left_behind += len(list(tmp_path.glob(".*")))
        # What the next run of a command does first.
        remove_abandoned(tmp_path)
        assert names(tmp_path) == ["file", "frames"]
        content = (tmp_path / "file").read_bytes()
        assert len(content) == SIZE and len(set(content)) == 1
        pictures = [path.read_bytes() for path in (tmp_path / "frames").iterdir()]
        assert len(pictures) == NUM_FILES and len(set(pictures)) == 1
        assert len(pictures[0]) == 1000
    # Else no kill came while something was written.
    assert left_behind > 0
