"""XDTS is read as its programs write it, and written back with nothing else changed."""

import json
import random
from typing import Any

import pytest

from support.exposure_sheets import (
    CIRCLE,
    DOT,
    GOES_ON,
    LINE,
    NOTHING,
    THREE_KEYS,
    document,
    sheet_from,
    xdts,
    xdts_bytes,
)
from tooncrafter_core.cut.sheets.columns import Mark
from tooncrafter_core.cut.sheets.write import new_xdts
from tooncrafter_core.errors import CutError, SheetError


def test_cells_say_names_and_marks() -> None:
    cells = {-1: "A1", 0: "A1", 2: CIRCLE, 3: GOES_ON, 4: "A2", 6: DOT, 8: NOTHING}
    sheet = xdts(("A", cells), length=12)
    assert sheet.length == 12
    assert sheet.columns[0].name == "A"
    assert sheet.columns[0].cells == {
        -1: "A1", 0: "A1", 2: Mark.CIRCLE, 3: Mark.GOES_ON, 4: "A2", 6: Mark.DOT, 8: Mark.NOTHING,
    }  # fmt: skip


@pytest.mark.parametrize("version", [5, 10])
def test_both_versions_are_read(version: int) -> None:
    assert len(xdts(("A", THREE_KEYS), version=version).columns) == 1


def test_cels_have_the_names_of_their_track_numbers_and_may_share_one() -> None:
    data = document([("A", THREE_KEYS), ("A", {0: "B1"}), ("C", {0: "c"})], 24)
    tracks = data["timeTables"][0]["fields"][0]["tracks"]
    tracks.reverse()
    sheet = sheet_from(xdts_bytes(data))
    assert [column.name for column in sheet.columns] == ["C", "A", "A"]
    assert sheet.columns[0].cells == {0: "c"}


def test_values_are_in_the_order_of_frames_however_they_are_written() -> None:
    sheet = xdts(("A", {4: "2", 0: "1", 2: CIRCLE}))
    assert list(sheet.columns[0].cells) == [0, 2, 4]


@pytest.mark.parametrize(("table", "fps"), [({}, 24), ({"frameRate": 12}, 12)])
def test_the_frame_rate_is_clip_studios_or_24(table: dict[str, Any], fps: float) -> None:
    assert xdts(("A", THREE_KEYS), **table).fps == fps


def with_unknown_fields() -> dict[str, Any]:
    """A sheet of version 10 with names that no description has, at every depth."""
    data = document([("A", THREE_KEYS)], 24, 10, frameRate=24, note={"画": [1.0, 2e-3, None]})
    fields = data["timeTables"][0]["fields"]
    fields[0]["tracks"][0]["color"] = "SYMBOL_TICK_1"
    fields[0]["tracks"][0]["frames"][1]["data"].append({"id": 1, "values": ["o\u0301", "x"]})
    fields[0]["tracks"][0]["frames"][1]["data"][0]["more"] = {"values": ["SYMBOL_TICK_1"]}
    return {"before": ["SYMBOL_TICK_1"], **data, "after": {"": ""}}


FORMS = {
    "as it comes": xdts_bytes(document([("A", THREE_KEYS)], 24)),
    "version 10": xdts_bytes(document([("A", THREE_KEYS)], 24, 10, frameRate=12)),
    "indented": xdts_bytes(document([("A", THREE_KEYS)], 24), indent=2),
    "tabs and Windows lines": xdts_bytes(document([("A", THREE_KEYS)], 24), indent="\t").replace(
        b"\n", b"\r\n"
    ),
    "with a mark": b"\xef\xbb\xbf" + xdts_bytes(document([("A", THREE_KEYS)], 24)),
    "a space after the line and an end": LINE.encode()
    + b" \n"
    + xdts_bytes(document([("A", THREE_KEYS)], 24)).partition(b"\n")[2]
    + b"\n\n",
    "escapes": LINE.encode()
    + b"\n"
    + json.dumps(document([("A", {**THREE_KEYS, 0: '原"1'})], 24)).encode(),
    "Shift_JIS": xdts_bytes(document([("原画", {**THREE_KEYS, 0: "原1①"})], 24))
    .decode()
    .encode("cp932"),
}


def test_unknown_fields_are_kept_and_circles_that_are_none_too() -> None:
    data = with_unknown_fields()
    raw = xdts_bytes(data, indent=3)
    sheet = sheet_from(raw)
    assert sheet.filled({}) == raw
    filled = sheet.filled({(0, frame): f"n{frame}" for frame in (2, 4, 6, 14, 17)})
    for cell in data["timeTables"][0]["fields"][0]["tracks"][0]["frames"]:
        if cell["data"][0]["values"] == [CIRCLE]:
            cell["data"][0]["values"] = [f"n{cell['frame']}"]
    assert json.loads(filled.partition(b"\n")[2]) == data
    assert filled == xdts_bytes(data, indent=3)


@pytest.mark.parametrize("form", FORMS)
def test_an_untouched_sheet_is_written_back_byte_for_byte(form: str) -> None:
    raw = FORMS[form]
    assert sheet_from(raw).filled({}) == raw


@pytest.mark.parametrize("form", FORMS)
def test_a_filled_sheet_differs_in_its_circles_alone(form: str) -> None:
    raw = FORMS[form]
    names = {(0, frame): f"n{frame}" for frame in (2, 4, 6, 14, 17)}
    filled = sheet_from(raw).filled(names)
    expected = raw
    # The first circle of all is the first in-between; the camera's comes after all of them.
    for frame in (2, 4, 6, 14, 17):
        expected = expected.replace(b'"SYMBOL_TICK_1"', f'"n{frame}"'.encode(), 1)
    assert filled == expected
    assert sheet_from(filled).columns[0].cells[17] == "n17"


def test_letters_of_a_name_are_written_as_json_needs_them() -> None:
    sheet = xdts(("A", THREE_KEYS))
    filled = sheet.filled({(0, 2): '原"画\\1'})
    assert sheet_from(filled).columns[0].cells[2] == '原"画\\1'


def test_a_name_that_shift_jis_has_no_letters_for_is_refused() -> None:
    with pytest.raises(SheetError, match="its encoding has no letters for"):
        sheet_from(FORMS["Shift_JIS"]).filled({(0, 2): "한"})


GONE = object()
TABLE = ("timeTables", 0)
FRAME = (*TABLE, "fields", 0, "tracks", 0, "frames", 1)


def broken(place: tuple[str | int, ...], value: object) -> bytes:
    """A good sheet with another value at one place, or with nothing there."""
    data: Any = document([("A", THREE_KEYS)], 24)
    if not place:
        return xdts_bytes(value)
    *way, last = place
    inner = data
    for step in way:
        inner = inner[step]
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    return xdts_bytes(data)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("version",), 7, "of version 7; versions 5 and 10"),
        (("version",), GONE, "of version None"),
        ((), [], "of version None"),
        (("timeTables",), [], "no time table"),
        (("timeTables",), 3, "'timeTables' must be a list, and is 3"),
        (("timeTables",), [3], "'timeTables.0' must hold names and values"),
        ((*TABLE, "duration"), GONE, "'timeTables.0.duration' must be a whole number"),
        ((*TABLE, "duration"), 0, "a duration of 0 frames"),
        ((*TABLE, "duration"), 10**9, "a duration of 1000000000 frames"),
        ((*TABLE, "duration"), True, "must be a whole number, and is True"),
        ((*TABLE, "fields", 0, "tracks"), None, "fields.0.tracks' must be a list"),
        ((*FRAME, "frame"), "x", "must be a whole number, and is 'x'"),
        ((*FRAME, "frame"), 10**12, "value at frame 1000000000000"),
        ((*FRAME, "frame"), 0, "two values at frame 1 of cel 'A'"),
        ((*FRAME, "data", 0, "values"), [3], "3 at frame 3 of cel 'A', which is no name"),
        ((*TABLE, "frameRate"), "x", "the frame rate 'x'"),
        ((*TABLE, "frameRate"), float("inf"), "the frame rate inf"),
        ((*TABLE, "frameRate"), 0, "0.1 to 1000 frames a second, not at 0"),
    ],
)
def test_a_damaged_sheet_is_refused_in_a_sentence(
    place: tuple[str | int, ...], value: object, says: str
) -> None:
    with pytest.raises(CutError) as refused:
        sheet_from(broken(place, value))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"toeiDigitalTimeSheet Save Data\n{}", "first line is 'toeiDigitalTimeSheet Save Data'"),
        (b"", "first line is ''"),
        (f'{LINE}\n{{"version": 5, "timeTables": [\n'.encode(), "JSON of 'scene.xdts' is damaged"),
        (f"{LINE}\n".encode(), "JSON of 'scene.xdts' is damaged"),
        (f'{LINE}\n{{"version": 5, "version": 5}}'.encode(), "the same name twice"),
        (f"{LINE}\n{'[' * 100_000}".encode(), "nested too deep"),
        (b"\x89PNG\r\n\x1a\n\0\xff\xfe", "neither in UTF-8 nor in Shift_JIS"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_a_sentence(raw: bytes, says: str) -> None:
    with pytest.raises(SheetError) as refused:
        sheet_from(raw)
    assert says in str(refused.value)


def test_a_new_sheet_is_read_as_it_was_written() -> None:
    draw = random.Random(2)
    for _ in range(50):
        exposures = [draw.choice(["1", "2", "原3", None]) for _ in range(draw.randint(1, 40))]
        sheet = sheet_from(new_xdts("A", exposures, fps=12))
        assert (sheet.length, sheet.fps) == (len(exposures), 12)
        assert shown(sheet.columns[0].cells, sheet.length) == exposures


def shown(cells: Any, length: int) -> list[str | None]:
    now, frames = None, []
    for frame in range(length):
        value = cells.get(frame, now)
        now = None if value is Mark.NOTHING else value
        frames.append(now)
    return frames
