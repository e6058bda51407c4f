"""Clip Studio's CSV is read in both encodings, and written back with nothing else changed."""

import pytest

from support.exposure_sheets import csv_bytes, sheet_from
from tooncrafter_core.cut.sheets.clip_studio import SYMBOLS
from tooncrafter_core.cut.sheets.columns import Mark
from tooncrafter_core.cut.sheets.write import check_names, new_clip_studio
from tooncrafter_core.errors import CutError, SheetError

ROWS = [
    ["", "", "フォルダー1"], ["", "A", "B"], ["1", "原1", "1"], ["2", "", ""], ["3", "○", ""],
    ["4", "", "×"], ["5", "●", "○"], ["6", "-", ""], ["7", "原2", "2"], ["8", "", ""],
]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp932"])
def test_cells_are_read_and_an_untouched_sheet_is_kept(encoding: str) -> None:
    raw = csv_bytes(ROWS, encoding)
    sheet = sheet_from(raw, "scene.csv")
    assert sheet.length == 8
    assert [column.name for column in sheet.columns] == ["A", "B"]
    assert sheet.columns[0].cells == {
        0: "原1", 2: Mark.CIRCLE, 4: Mark.DOT, 5: Mark.GOES_ON, 6: "原2",
    }  # fmt: skip
    assert sheet.columns[1].cells == {0: "1", 3: Mark.NOTHING, 4: Mark.CIRCLE, 6: "2"}
    assert sheet.filled({}) == raw


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_a_filled_sheet_differs_in_its_circles_alone(encoding: str) -> None:
    filled = sheet_from(csv_bytes(ROWS, encoding), "a.csv").filled({(0, 2): "原3", (1, 4): '"4,'})
    rows = [list(row) for row in ROWS]
    rows[4][1], rows[6][2] = "原3", '""4,'
    assert filled == csv_bytes(rows, encoding)


def test_cells_without_quotation_marks_are_read() -> None:
    raw = b",,\n,A,B\n1,1,x\n2,\xe2\x97\x8b,\n3,2,"
    sheet = sheet_from(raw, "a.CSV")
    assert sheet.columns[0].cells == {0: "1", 1: Mark.CIRCLE, 2: "2"}
    assert sheet.filled({(0, 1): "n"}) == raw.replace(b"\xe2\x97\x8b", b'"n"')


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "is no exposure sheet of Clip Studio"),
        (b"a,b\n1,2\n", "is no exposure sheet of Clip Studio"),
        (csv_bytes([*ROWS[:3], *ROWS[4:]]), "has '3' where frame 2 is due"),
        (csv_bytes([*ROWS[:2], ["x", "1", "1"]]), "has 'x' where frame 1 is due"),
        (csv_bytes([*ROWS[:2], ["1", "1", "1", "1"]]), "3 cells at frame 1 for 2 cels"),
        (b'"","A"\r\n"","A"\r\n"1","a"b"\r\n', "row 3 is no CSV"),
        (b'"","A"\r\n"","A"\r\n"1","a', "row 3 is no CSV"),
    ],
)
def test_a_damaged_sheet_is_refused_in_a_sentence(raw: bytes, says: str) -> None:
    with pytest.raises(SheetError) as refused:
        sheet_from(raw, "a.csv")
    assert says in str(refused.value)


def test_a_new_sheet_is_read_as_it_was_written() -> None:
    sheet = sheet_from(new_clip_studio("A", ["1", "1", '2"', None, None, "1"]), "a.csv")
    assert sheet.length == 6
    assert sheet.columns[0].cells == {0: "1", 2: '2"', 3: Mark.NOTHING, 5: "1"}
    assert new_clip_studio("A", ["1"]).startswith(b'\xef\xbb\xbf"",""\r\n"","A"\r\n"1","1"')


def test_the_large_circle_of_japanese_fonts_is_a_circle() -> None:
    assert SYMBOLS["◯"] is Mark.CIRCLE


@pytest.mark.parametrize("name", ["×", "-", "○", "◯", "SYMBOL_TICK_1", " A1", "A1 "])
def test_names_that_a_sheet_would_read_as_something_else_are_refused(name: str) -> None:
    with pytest.raises(CutError, match=f"A key is called '{name}'"):
        check_names(["A1", name])
    check_names(["A1", "x", "A 2"])
