"""A folder goes when all of it was written by this program, and stays as it is otherwise."""

import logging
import os
from pathlib import Path

import pytest

from tooncrafter_core.errors import OutputError
from tooncrafter_core.files import remove_file, remove_folder, replacing_folder, write_bytes
from tooncrafter_core.files.parts import _MACHINE

OURS = ("identity.json", "*/*.npz")


def made(folder: Path) -> Path:
    for name in ("identity.json", "0/1.npz", "0/2.npz", "1/1.npz"):
        write_bytes(folder / name, b"x")
    return folder


def content(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_folder_of_ours_goes_with_what_a_killed_run_left_in_it(tmp_path: Path) -> None:
    folder = made(tmp_path / "prepared")
    (folder / "0" / f".tooncrafter-{_MACHINE}-{os.getpid()}-0a1b2c.part").write_bytes(b"half")
    assert remove_folder(folder, OURS)
    assert list(tmp_path.iterdir()) == []
    assert remove_folder(folder, OURS)


@pytest.mark.parametrize(
    "name", ["notes.txt", "0/notes.txt", "3.npz", "0/deep/1.npz", "empty/", "0/empty/"]
)
def test_one_that_holds_anything_else_stays_whole(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = made(tmp_path / "prepared")
    if name == "empty/":  # fits what comes before '*/*.npz'
        folder = made(tmp_path / "prepared" / "0")
    elif name.endswith("/"):
        (folder / name).mkdir()
    else:
        write_bytes(folder / name, b"mine")
    before = content(tmp_path / "prepared")
    with caplog.at_level(logging.WARNING):
        assert not remove_folder(tmp_path / "prepared", OURS)
    assert content(tmp_path / "prepared") == before
    assert "was not removed: it holds '" in caplog.text and "did not write" in caplog.text


def test_links_stay_and_what_they_lead_to(tmp_path: Path) -> None:
    real = made(tmp_path / "real")
    try:
        (tmp_path / "prepared").symlink_to(real)
        (made(tmp_path / "other") / "3").symlink_to(real)
    except OSError:  # Windows allows links to developers alone
        return
    assert not remove_folder(tmp_path / "prepared", OURS)
    assert not remove_folder(tmp_path / "other", OURS)
    assert len(content(real)) == 6 and len(content(tmp_path / "other")) == 7


def test_what_comes_meanwhile_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, replace = made(tmp_path / "prepared"), Path.replace

    def late(source: Path, target: Path) -> Path:
        if source == folder:
            write_bytes(folder / "notes.txt", b"mine")
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", late)
    assert not remove_folder(folder, OURS)
    assert (folder / "notes.txt").read_bytes() == b"mine" and len(content(folder)) == 7


def test_what_the_system_keeps_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = made(tmp_path / "prepared")

    def refused(*_: object) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refused)
    assert not remove_folder(folder, OURS)
    assert "Permission denied. Remove it yourself" in caplog.text
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: refused())
    with pytest.raises(OutputError, match="Permission denied"):
        remove_file(folder / "identity.json")


@pytest.mark.parametrize("name", ["notes.txt", ".hidden"])
def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path, name: str) -> None:
    write_bytes(tmp_path / "a" / "old", b"old")
    write_bytes(tmp_path / "a" / name, b"mine")
    with (
        pytest.raises(OutputError, match=rf"holds other files \('{name}'\)"),
        replacing_folder(tmp_path / "a", lambda path: path.name == "old") as new,
    ):
        (new / "old").write_bytes(b"new")
    assert content(tmp_path) == sorted(["a", f"a/{name}", "a/old"])
    assert (tmp_path / "a" / "old").read_bytes() == b"old"


def test_a_file_that_came_into_an_empty_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()

    def write() -> None:
        with replacing_folder(tmp_path / "a", lambda _: True) as new:
            (new / "1").write_bytes(b"new")
            (tmp_path / "a" / "1").write_bytes(b"mine")

    with pytest.raises(OutputError, match=r"holds other files \('1'\)"):
        write()
    assert content(tmp_path) == ["a", "a/1"]
    assert (tmp_path / "a" / "1").read_bytes() == b"mine"
