"""A folder goes when all of it was written by this program, and stays as it is otherwise."""

import logging
import os
from pathlib import Path

import pytest

from tooncrafter_core.errors import OutputError
from tooncrafter_core.files import (
    parts,
    remove_abandoned,
    remove_file,
    remove_folder,
    removing,
    replacing_folder,
    write_bytes,
)
from tooncrafter_core.files.parts import _MACHINE, UNCHECKED

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


def folder_made_again(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A file of the artist comes before a folder is moved, and its writer makes it again."""
    replace = Path.replace

    def late(source: Path, target: Path) -> Path:
        if source == folder:
            write_bytes(folder / "mine.psd", b"mine")
            replace(source, target)
            made(folder)
            return target
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", late)


def test_what_cannot_be_put_back_is_kept_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = made(tmp_path / "prepared")
    made(tmp_path / "prepared-kept")
    folder_made_again(monkeypatch, folder)
    assert not remove_folder(folder, OURS)
    kept = tmp_path / "prepared-kept-2"
    assert (kept / "mine.psd").read_bytes() == b"mine" and len(content(kept)) == 7
    assert len(content(folder)) == 6 and len(list(tmp_path.iterdir())) == 3
    assert f"'mine.psd', which this program did not write, and is now '{kept}'" in caplog.text


@pytest.mark.parametrize("is_made_again", [False, True])
def test_a_stop_before_the_second_look_leaves_the_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    is_made_again: bool,
) -> None:
    folder, looks = made(tmp_path / "prepared"), []

    def look(where: Path, _: object) -> None:
        looks.append(where)
        if len(looks) == 2:
            write_bytes(where / "mine.psd", b"mine")
            if is_made_again:
                made(folder)
            raise KeyboardInterrupt

    monkeypatch.setattr(removing, "_foreign", look)
    with pytest.raises(KeyboardInterrupt):
        remove_folder(folder, OURS)
    kept = tmp_path / "prepared-kept" if is_made_again else folder
    assert (kept / "mine.psd").read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 1 + is_made_again
    assert (f"is kept as '{kept}'" in caplog.text) == is_made_again


def test_what_a_kill_left_before_the_second_look_is_put_back(tmp_path: Path) -> None:
    part = tmp_path / f".tooncrafter-{_MACHINE}-{os.getpid()}-0a1b2c.part"
    write_bytes(made(part / UNCHECKED / "prepared") / "mine.psd", b"mine")
    remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["prepared"]
    assert len(content(tmp_path / "prepared")) == 7


def test_what_can_be_put_nowhere_stays_in_the_part_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, replace = made(tmp_path / "prepared"), Path.replace

    def refused(source: Path, target: Path) -> Path:
        if source != folder:
            raise PermissionError(13, "Permission denied")
        (folder / "mine.psd").write_bytes(b"mine")
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refused)
    assert not remove_folder(folder, OURS)
    (kept,) = tmp_path.rglob("mine.psd")
    assert f"Permission denied; it is now in '{kept.parent}'" in caplog.text
    assert len(content(kept.parent)) == 7


def test_files_that_could_not_be_deleted_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = made(tmp_path / "prepared")
    monkeypatch.setattr(parts.shutil, "rmtree", lambda *_, **__: None)
    assert not remove_folder(folder, OURS)
    (part,) = tmp_path.iterdir()
    assert f"files in it could not be deleted, and are now in '{part}'" in caplog.text


def test_a_replaced_folder_with_a_late_file_is_kept_where_its_place_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = made(tmp_path / "prepared")
    folder_made_again(monkeypatch, folder)
    with (
        pytest.raises(OutputError, match=r"holds other files \('mine\.psd'\)"),
        replacing_folder(folder, lambda path: path.name != "mine.psd") as new,
    ):
        (new / "1").write_bytes(b"new")
    kept = tmp_path / "prepared-kept"
    assert (kept / "mine.psd").read_bytes() == b"mine" and len(content(kept)) == 7
    assert len(content(folder)) == 6 and len(list(tmp_path.iterdir())) == 2
    assert f"is kept as '{kept}'" in caplog.text


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
    with pytest.raises(OutputError, match=r"cannot be removed: Permission denied\. Close the"):
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
