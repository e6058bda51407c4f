"""A sheet of several cels: one is drawn by its name, or all by one command."""

import json
from pathlib import Path

import pytest

from support.command_line import failure
from support.cut_commands import cut_command, write_keys
from support.exposure_sheets import CIRCLE, DOT, GOES_ON, NOTHING, document, xdts_bytes
from tooncrafter_core.cli import main

CELS = [
    ("A", {-1: "A1", 0: "A1", 2: CIRCLE, 3: GOES_ON, 4: "A2", 6: DOT, 8: "A3"}),
    ("A", {0: NOTHING, 4: "B1", 6: CIRCLE, 8: "B2", 10: NOTHING}),
    ("BG", {0: "sky"}),
]
"""Two cels of one name, as Clip Studio allows it, and one with nothing to draw."""


@pytest.fixture
def scene(folder: Path, tmp_path: Path) -> Path:
    """A sheet of three cels, and the keys of all of them in one folder."""
    write_keys(tmp_path / "keys", ["A1", "A2", "A3", "B1", "B2", "sky"])
    write_sheet(tmp_path, CELS)
    return tmp_path


def write_sheet(scene: Path, cels: list[tuple[str, dict[int, str]]]) -> bytes:
    raw = xdts_bytes(document(cels, 12, 10), indent=1)
    (scene / "scene.xdts").write_bytes(raw)
    return raw


def command(folder: Path, scene: Path, *options: str, out: str = "out") -> list[str]:
    checkpoint = folder / "tiny.safetensors"
    asked = ("--sheet", scene / "scene.xdts", "--format", "none", *options)
    return cut_command(scene / "keys", scene / out, *asked, checkpoint=checkpoint)


@pytest.mark.usefixtures("loaded")
def test_all_cels_are_drawn_into_folders_and_the_sheet_has_all_drawings(
    folder: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = (scene / "scene.xdts").read_bytes()
    assert main(command(folder, scene, "--cel", "all")) == 0
    out, said = scene / "out", capsys.readouterr().out
    assert "2 cels, each in a folder" in said and "12 frames of 5 drawings" in said
    drawn = {path.parent.parent.name: path.name for path in out.glob("*/drawings/*_0003.png")}
    assert drawn == {"A": "A_0003.png"}
    assert sorted(path.name for path in (out / "A_2/drawings").iterdir()) == [
        "A_B1.png", "A_B2.png", "A_B3.png",
    ]  # fmt: skip
    expected = raw
    for old, new in ((CIRCLE, "A4"), (DOT, "A5"), (CIRCLE, "B3")):
        expected = expected.replace(f'"{old}"'.encode(), f'"{new}"'.encode(), 1)
    assert (out / "cut.xdts").read_bytes() == expected
    assert json.loads((out / "cut.json").read_text("utf-8")) == {
        "cels": [{"cel": "A", "folder": "A"}, {"cel": "A", "folder": "A_2"}]
    }
    # Each is what the cel alone gives, which finds its clips there.
    alone = (out / "A/cut.xdts").read_bytes()
    assert main(command(folder, scene, "--cel", "#1", out="out/A")) == 0
    assert "is drawn" not in capsys.readouterr().out
    assert (out / "A/cut.xdts").read_bytes() == alone
    assert main(command(folder, scene, "--cel", "all")) == 0
    assert "is drawn" not in capsys.readouterr().out
    assert "one cel" in failure(capsys, command(folder, scene, "--cel", "all", out="out/A"))


def test_a_sheet_that_leaves_a_choice_names_the_cels_and_all(
    folder: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failure(capsys, command(folder, scene)) == (
        "error: 'scene.xdts' has circles in several cels: choose one of '#1' ('A'), '#2' ('A') "
        "with --cel, or draw each of them with --cel all.\n"
    )


def test_every_cel_is_checked_before_the_first_is_drawn(
    folder: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (scene / "keys/B2.png").unlink()
    said = failure(capsys, command(folder, scene, "--cel", "all"))
    assert "no file for 1 key: 'B2'" in said and not (scene / "out").exists()
    write_sheet(scene, [("A", {0: "A1", 4: "A2"})])
    assert "has no circle" in failure(capsys, command(folder, scene, "--cel", "all"))


@pytest.mark.parametrize(
    "options", [("--redo", "1"), ("--sketch", "1:8=x.png"), ("--candidates", "2", "--take", "1=3")]
)
def test_what_is_for_a_segment_is_refused_where_several_cels_are_drawn(
    folder: Path, scene: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    said = failure(capsys, command(folder, scene, "--cel", "all", *options))
    assert "is for segments of one cel" in said and not (scene / "out").exists()


def test_keys_may_lie_in_a_folder_for_each_cel(
    folder: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cels = [("A", {0: "1", 2: "2"}), ("B", {0: "1", 2: CIRCLE, 4: "2"})]
    write_sheet(scene, cels)
    for cel in "AB":
        write_keys(scene / "keys" / cel, "12")
    (scene / "keys/B/7.png").write_bytes((scene / "keys/B/1.png").read_bytes())
    said = failure(capsys, command(folder, scene, "--cel", "B"))
    assert "there is no key for 1 file: '7.png'" in said


def test_files_of_other_cels_are_left_alone_and_those_of_none_are_named(
    folder: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (scene / "keys/sky.png").replace(scene / "keys/other.png")
    said = failure(capsys, command(folder, scene, "--cel", "#1"))
    assert said.startswith(
        "error: The keys of cel 'A' and their files do not belong together: there is no key for 1 "
        "file: 'other.png'."
    )


def test_a_cel_that_is_called_all_is_meant(
    folder: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sheet(scene, [*CELS, ("all", {0: "x", 2: CIRCLE, 4: "y"})])
    assert "keys of cel 'all'" in failure(capsys, command(folder, scene, "--cel", "all"))
