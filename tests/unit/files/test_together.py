"""Files that belong together are replaced as one, whatever stops the program between them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tooncrafter_core.errors import OutputError
from tooncrafter_core.files import parts as parts_module
from tooncrafter_core.files import remove_abandoned, write_together
from tooncrafter_core.files.parts import UNCHECKED


def pair(folder: Path, version: bytes) -> list[tuple[Path, bytes]]:
    return [(folder / "walk.png", b"sheet " + version), (folder / "walk.json", b"table " + version)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


OLD = {"walk.png": b"sheet 1", "walk.json": b"table 1"}
NEW = {"walk.png": b"sheet 2", "walk.json": b"table 2"}


def test_both_are_written_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    write_together(pair(folder, b"1"))
    assert contents(folder) == OLD
    write_together(pair(folder, b"2"))
    assert contents(folder) == NEW


@pytest.mark.parametrize("failing", ["walk.png", "walk.json"])
@pytest.mark.parametrize("has_old", [True, False])
def test_a_failure_between_them_leaves_both_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, has_old: bool
) -> None:
    if has_old:
        write_together(pair(tmp_path, b"1"))
    move = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.parent.name == "new" and self.name == failing:
            raise PermissionError(13, "in use")
        return move(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(OutputError, match=r"walk\.png' cannot be written: in use"):
        write_together(pair(tmp_path, b"2"))
    assert contents(tmp_path) == (OLD if has_old else {})


def test_a_full_disk_leaves_both_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_together(pair(tmp_path, b"1"))
    write = Path.write_bytes

    def write_bytes(self: Path, content: bytes) -> int:
        if self.name == "walk.json":
            raise OSError(28, "No space left on device")
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(OutputError, match="The disk is full"):
        write_together(pair(tmp_path, b"2"))
    assert contents(tmp_path) == OLD


@pytest.mark.parametrize("placed", [[], ["walk.png"], ["walk.png", "walk.json"]])
def test_after_a_kill_between_them_the_old_ones_come_back(
    tmp_path: Path, placed: list[str]
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    part = tmp_path / f".tooncrafter-{parts_module._MACHINE}-{process.pid}-0a1b2c.part"
    (part / UNCHECKED).mkdir(parents=True)
    (part / "new").mkdir()
    for name, content in OLD.items():
        (part / UNCHECKED / name).write_bytes(content)
    for name, content in NEW.items():
        (tmp_path if name in placed else part / "new").joinpath(name).write_bytes(content)
    remove_abandoned(tmp_path)
    assert contents(tmp_path) == OLD
