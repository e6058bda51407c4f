"""Digests of large files are remembered, and never believed of a file that has changed."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tooncrafter_core.files import digests
from tooncrafter_core.files.digests import (
    MOST,
    DigestMemory,
    cache_folder,
    digest_of_file,
    user_memory,
)

SIZE = 1 << 20


@pytest.fixture
def reads() -> list[Path]:
    """Files that were read whole, in their order."""
    return []


@pytest.fixture
def memory(tmp_path: Path, reads: list[Path]) -> DigestMemory:
    return remembering(tmp_path / "cache/digests.json", reads)


def remembering(note: Path, reads: list[Path]) -> DigestMemory:
    def read(path: Path) -> str:
        reads.append(path)
        return digest_of_file(path)

    return DigestMemory(note, smallest=1000, read=read)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A large file that was last changed an hour ago, as far as the system lets tests say so."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(bytes(SIZE))
    return path


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of this moment count as settled: their time of change cannot be set by a test."""
    monkeypatch.setattr(digests, "SETTLED", -(10**18))


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"x" * 1000)
    other.write_bytes(b"x" * 1000)
    assert digest_of_file(one, block=7) == digest_of_file(other)
    other.write_bytes(b"x" * 999 + b"y")
    assert digest_of_file(one) != digest_of_file(other)


def test_a_large_file_is_read_once(
    memory: DigestMemory, weights: Path, tmp_path: Path, reads: list[Path]
) -> None:
    found = [memory.digest(weights) for _ in range(3)]
    # Another run, and the same file by another path.
    again = remembering(tmp_path / "cache/digests.json", reads)
    link = tmp_path / "link"
    link.symlink_to(weights)
    assert {*found, again.digest(weights), again.digest(link)} == {digest_of_file(weights)}
    assert reads == [weights]


def test_a_small_file_is_read_each_time_and_leaves_no_note(
    memory: DigestMemory, tmp_path: Path, reads: list[Path]
) -> None:
    small = tmp_path / "small"
    small.write_bytes(b"x" * 999)
    assert memory.digest(small) == memory.digest(small) == digest_of_file(small)
    assert reads == [small, small] and not (tmp_path / "cache").exists()


def change_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(SIZE // 3)
        file.write(b"\1")


def change_and_set_back(path: Path) -> None:
    before = path.stat()
    change_in_place(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_with_the_same_times(path: Path) -> None:
    before, other = path.stat(), path.with_suffix(".new")
    other.write_bytes(bytes(SIZE - 1) + b"\1")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


@pytest.mark.parametrize(
    "change", [change_in_place, change_and_set_back, replace_with_the_same_times, lengthen]
)
def test_a_file_that_has_changed_is_read_again(
    memory: DigestMemory, weights: Path, reads: list[Path], change: Callable[[Path], None]
) -> None:
    before = memory.digest(weights)
    time.sleep(0.02)  # A clock of the disk that counts in hundredths.
    change(weights)
    after = memory.digest(weights)
    assert after == digest_of_file(weights) != before
    assert memory.digest(weights) == after
    assert len(reads) == 2


@pytest.mark.parametrize("at", [0, SIZE // 2, SIZE - 1])
def test_a_change_that_no_time_shows_is_seen_in_the_content(
    memory: DigestMemory,
    weights: Path,
    at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = digests._state(weights)
    monkeypatch.setattr(digests, "_state", lambda path: state)
    before = memory.digest(weights)
    # A new file of the same size, as another version of the weights is: it differs all over.
    weights.write_bytes(bytes(at) + b"\1" * (SIZE - at))
    assert memory.digest(weights) == digest_of_file(weights) != before


def test_a_file_that_has_just_changed_is_not_remembered(
    memory: DigestMemory, weights: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED", 3600 * 10**9)
    assert memory.digest(weights) == memory.digest(weights)
    assert len(reads) == 2


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    tmp_path: Path, weights: Path
) -> None:
    def read(path: Path) -> str:
        found = digest_of_file(path)
        lengthen(path)
        return found

    note = tmp_path / "cache/digests.json"
    DigestMemory(note, smallest=1000, read=read).digest(weights)
    assert not note.exists()
    assert DigestMemory(note, smallest=1000).digest(weights) == digest_of_file(weights)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"x": 3}', b"\xff\xfe", b"null"])
def test_a_damaged_note_is_replaced(
    memory: DigestMemory, weights: Path, tmp_path: Path, reads: list[Path], content: bytes
) -> None:
    note = tmp_path / "cache/digests.json"
    note.parent.mkdir()
    note.write_bytes(content)
    assert memory.digest(weights) == memory.digest(weights) == digest_of_file(weights)
    assert len(reads) == 1


def test_an_entry_of_another_shape_is_not_believed(
    memory: DigestMemory, weights: Path, tmp_path: Path
) -> None:
    note = tmp_path / "cache/digests.json"
    note.parent.mkdir()
    for entry in ("3", '{"state": {}, "sha256": "x"}', '{"sha256": 3, "at": "x"}'):
        note.write_text(f'{{"{weights.resolve().as_posix()}": {entry}}}', "utf-8")
        assert memory.digest(weights) == digest_of_file(weights)


def test_a_disk_that_takes_no_note_costs_no_result(
    weights: Path, tmp_path: Path, reads: list[Path]
) -> None:
    (tmp_path / "cache").write_bytes(b"a file where the folder would be")
    memory = remembering(tmp_path / "cache/digests.json", reads)
    assert memory.digest(weights) == memory.digest(weights) == digest_of_file(weights)
    nothing = DigestMemory(None, smallest=1000)
    assert nothing.digest(weights) == digest_of_file(weights)


def test_a_note_does_not_grow_without_end(tmp_path: Path, reads: list[Path]) -> None:
    memory = remembering(tmp_path / "cache/digests.json", reads)
    files = [tmp_path / f"{number}.ckpt" for number in range(MOST + 2)]
    for number, path in enumerate(files):
        path.write_bytes(number.to_bytes(4, "big") * 300)
        memory.digest(path)
    reads.clear()
    memory.digest(files[-1])
    assert reads == []
    memory.digest(files[0])
    assert reads == [files[0]]


def test_the_note_lies_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tooncrafter"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder() == tmp_path / ".cache/tooncrafter"
    monkeypatch.setattr(digests.sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library/Caches/tooncrafter"
    monkeypatch.setattr(digests.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local/tooncrafter"

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() is None
    small = tmp_path / "small"
    small.write_bytes(b"x")
    assert user_memory().digest(small) == digest_of_file(small)
