"""What ``cut`` cannot draw is refused in one sentence, before anything is loaded or written."""

from pathlib import Path

import pytest

from support.command_line import failure
from support.cut_commands import cut_command, write_keys
from support.exposure_sheets import CIRCLE, LINE, csv_bytes, document, xdts_bytes
from tooncrafter_core.cli import main
from tooncrafter_core.cut.store import alone_in


def sheet_of(*cels: tuple[str, dict[int, str]], version: int = 5) -> bytes:
    return xdts_bytes(document(cels, 12, version))


BAD_SHEETS = {
    "no circle": (
        "scene.xdts", sheet_of(("A", {0: "1", 8: "2"})), (),
        "'scene.xdts' has no circle, so there is nothing to draw: put a circle (in XDTS "
        "SYMBOL_TICK_1) at each frame where an in-between goes.",
    ),
    "no circle in the cel": (
        "scene.xdts", sheet_of(("A", {0: "1", 8: "2"}), ("B", {0: "3", 2: CIRCLE, 4: "4"})),
        ("--cel", "A"),
        "Cel 'A' of 'scene.xdts' has no circle, so there is nothing to draw: put a circle (in "
        "XDTS SYMBOL_TICK_1) at each frame where an in-between goes.",
    ),
    "a circle before the first key": (
        "scene.xdts", sheet_of(("A", {0: CIRCLE, 2: "1", 8: "2"})), (),
        "Cel 'A' of 'scene.xdts' has a circle at frame 1, before its first key: an in-between "
        "needs a key before it and one after it.",
    ),
    "a circle after the last key": (
        "scene.xdts", sheet_of(("A", {0: "1", 2: "2", 8: CIRCLE})), (),
        "Cel 'A' of 'scene.xdts' has a circle at frame 9, after its last key: an in-between needs "
        "a key after it, too, or the cut is a cycle.",
    ),
    "circles alone": (
        "scene.xdts", sheet_of(("A", {0: CIRCLE, 2: CIRCLE})), (),
        "Cel 'A' of 'scene.xdts' has a circle at frame 1, before its first key: an in-between "
        "needs a key before it and one after it.",
    ),
    "a cel that is not there": (
        "scene.xdts", sheet_of(("A", {0: "1", 2: CIRCLE, 4: "2"}), ("B", {0: "3"})),
        ("--cel", "C"),
        "There is no cel 'C' in 'scene.xdts': its cels are 'A', 'B'.",
    ),
    "two cels of one name": (
        "scene.xdts", sheet_of(*[("A", {0: "1", 2: CIRCLE, 4: "2"})] * 2, version=10),
        ("--cel", "A"),
        "'scene.xdts' has 2 cels named 'A': choose '#1' or '#2'.",
    ),
    "another format": (
        "scene.xdts", b'toeiDigitalTimeSheet Save Data\n{"version": 5}', (),
        "'scene.xdts' is a sheet of another format: its first line is 'toeiDigitalTimeSheet Save "
        f"Data', and that of XDTS is '{LINE}'. Export it as XDTS.",
    ),
    "another version": (
        "scene.xdts", sheet_of(("A", {0: "1", 2: CIRCLE, 4: "2"}), version=7), (),
        "'scene.xdts' is XDTS of version 7; versions 5 and 10 can be read.",
    ),
    "damaged JSON": (
        "scene.xdts", f'{LINE}\r\n{{"version": 5,\r\n "timeTables": ['.encode(), (),
        "The JSON of 'scene.xdts' is damaged at line 3, column 17: Expecting value. Export the "
        "sheet once more.",
    ),
    "names in Shift_JIS without files": (
        "scene.csv",
        csv_bytes([["", "背景/人物"], ["", "A"], ["1", "原1"], ["2", "○"], ["3", "原2"]], "cp932"),
        (),
        "The keys of cel 'A' and their files do not belong together: there is no file for 2 keys: "
        "'原1', '原2'; there is no key for 3 files: '1.png', '2.png', '3.png'. Name each file like "
        "its key, such as 'A_0001.png' for '1'.",
    ),
}  # fmt: skip
"""By what is wrong: the sheet's file, what it holds, further options, and the sentence."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the keys 1, 2 and 3."""
    return write_keys(tmp_path_factory.mktemp("bad") / "keys", "123")


@pytest.fixture(scope="module")
def tiny(folder: Path) -> Path:
    return folder / "tiny.safetensors"


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str], out: Path) -> str:
    """The sentence of a command that must fail and leave nothing."""
    said = failure(capsys, arguments)
    assert not out.exists()
    return said.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize("fault", BAD_SHEETS)
def test_a_sheet_that_cannot_be_drawn_is_refused_in_a_sentence(
    keys: Path, tiny: Path, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, content, options, says = BAD_SHEETS[fault]
    (tmp_path / name).write_bytes(content)
    out = keys.parent / "out"
    command = cut_command(keys, out, "--sheet", tmp_path / name, *options, checkpoint=tiny)
    assert refused(capsys, command, out) == says


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--frames 1,5,5", "Two keys, '2' and '3', are at frame 5: give each a frame of its own."),
        (
            "--frames 1,9,5",
            "Frames are out of order: key '3' at frame 5 comes after '2' at frame 9. Give keys in "
            "the order of the film.",
        ),
        ("--frames 0,5,9", "There is no frame 0: the first frame is 1."),
        (
            "--frames 1,5,9 --on 0",
            "A drawing stays for 1 to 20000 frames: on 1, on 2, on 3; not on 0.",
        ),
        (
            "--frames 1,5,9 --spacing 0",
            "The spacing '0' of segment 1 is the first key itself: in-betweens lie above 0 and "
            "below 1.",
        ),
        (
            "--frames 1,5,9 --spacing 100%",
            "The spacing '100%' of segment 1 is the last key itself: in-betweens lie above 0 and "
            "below 1.",
        ),
        (
            "--frames 1,5,9 --spacing 1/4,1/2,2/4",
            "The spacing of segment 1 has 1/2 twice: give each in-between a place of its own.",
        ),
        (
            "--frames 1,5,9 --spacing 1/2",
            "The spacing of segment 1, '1/2', has 1 place for 3 in-betweens: give one for each.",
        ),
        (
            "--frames 1,122,125",
            "Segment 1 has 120 in-betweens; between two keys at most 119 can be drawn. Give it "
            "another key, or draw it on twos.",
        ),
        (
            "--frames 1,5,9 --sketch 3:8=x.png",
            "There is a sketch for segment 3, which is not there: the cut has 2.",
        ),
        ("--frames 1,5,9 --length 8", "Key '3' at frame 9 comes after the end: the cut is 8 "
         "frames long."),
        ("--frames 1,5,9 --fps 0", "A cut plays at 0.1 to 1000 frames a second, not at 0."),
    ],
)  # fmt: skip
def test_timing_that_cannot_be_is_refused_in_a_sentence(
    keys: Path, tiny: Path, options: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = keys.parent / "out"
    assert refused(capsys, cut_command(keys, out, *options.split(), checkpoint=tiny), out) == says


def test_one_key_is_no_cut(keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    said = refused(capsys, cut_command(keys / "1.png", out, "--frames", "1", checkpoint=tiny), out)
    assert said == "A cut is drawn between keys: it needs 2 or more, and there is only one, '1'."


def test_two_hundred_keys_are_a_cut(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_keys(tmp_path / "keys", map(str, range(1, 201)), size=(16, 16))
    frames = ",".join(map(str, range(1, 201)))
    assert (
        main(
            cut_command(
                folder, tmp_path / "out", "--frames", frames, "--format", "none", checkpoint=tiny
            )
        )
        == 0
    )
    assert "200 frames of 200 drawings, 200 keys and 0" in capsys.readouterr().out
    names = [path.name for path in sorted((tmp_path / "out/drawings").iterdir())]
    assert names == [f"A_{number:04d}.png" for number in range(1, 201)]


def test_all_keys_without_a_file_are_listed_at_once(
    keys: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, missing = tmp_path / "out", [tmp_path / "4.png", tmp_path / "5.png"]
    command = cut_command([keys / "1.png", *missing], out, "--frames", "1,5,9", checkpoint=tiny)
    assert refused(capsys, command, out) == (
        f"There is no file for 2 keys: '{missing[0]}', '{missing[1]}'. Check the names of the keys."
    )
    nowhere = tmp_path / "no folder"
    said = refused(capsys, cut_command(nowhere, out, "--frames", "1,5,9", checkpoint=tiny), out)
    assert said == f"There is no file for 1 key: '{nowhere}'. Check the names of the keys."


def test_keys_of_several_sizes_and_with_and_without_alpha_are_listed(
    keys: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    wide = write_keys(tmp_path / "wide", ["w", "x"], size=(96, 64))
    given = [keys / "1.png", keys / "2.png", wide / "w.png", wide / "x.png"]
    said = refused(capsys, cut_command(given, out, "--frames", "1,5,9,13", checkpoint=tiny), out)
    assert said == (
        "Keys of one cut have one size, so that they lie on each other; these have 64x64: 1, 2; "
        "96x64: w, x. Save all at the same size."
    )
    clear = write_keys(tmp_path / "clear", ["c", "d"], mode="RGBA")
    given = [keys / "1.png", keys / "2.png", clear / "c.png", clear / "d.png"]
    said = refused(capsys, cut_command(given, out, "--frames", "1,5,9,13", checkpoint=tiny), out)
    assert said == (
        "Keys of one cut are all transparent or all opaque; 'c', 'd' are transparent in places, "
        "and '1', '2' are without transparency. Save all with transparency, or all with their "
        "background."
    )


def test_two_runs_do_not_draw_into_one_folder(
    keys: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with alone_in(out):
        said = failure(capsys, cut_command(keys, out, "--frames", "1,5,9", checkpoint=tiny))
        assert not list(out.rglob("*.png"))
    assert said.startswith(
        f"error: Another run is at work in '{out}': wait until it has ended, or name another "
        "folder."
    )


def test_names_in_shift_jis_are_drawn_and_written_back(tiny: Path, tmp_path: Path) -> None:
    rows = [["", "背景/人物"], ["", "人物"], ["1", "原1"], ["2", "○"], ["3", "原2"]]
    sheet = tmp_path / "カット.csv"
    sheet.write_bytes(csv_bytes(rows, "cp932"))
    folder, out = write_keys(tmp_path / "原画", ["原1", "原2"]), tmp_path / "出力"
    assert (
        main(cut_command(folder, out, "--sheet", sheet, "--format", "none", checkpoint=tiny)) == 0
    )
    rows[3][1] = "原3"
    assert (out / "cut.csv").read_bytes() == csv_bytes(rows, "cp932")
    names = [path.name for path in sorted((out / "drawings").iterdir())]
    assert names == ["人物_原1.png", "人物_原2.png", "人物_原3.png"]
