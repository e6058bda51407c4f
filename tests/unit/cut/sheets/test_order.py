"""A column's names are keys and its circles are what is drawn."""

import random

import pytest

from support.exposure_sheets import (
    CIRCLE,
    CYCLE,
    DOT,
    GOES_ON,
    NOTHING,
    THREE_KEYS,
    xdts,
)
from tooncrafter_core.cut.plan import plan_cut
from tooncrafter_core.cut.sheets.columns import choose_column
from tooncrafter_core.cut.sheets.order import cut_of, dots_note
from tooncrafter_core.errors import CutError, SheetError


def test_keys_and_circles_are_segments() -> None:
    cut = cut_of(xdts(("A", THREE_KEYS)), 0)
    assert [(key.name, key.frame) for key in cut.keys] == [("1", 0), ("2", 8), ("3", 20)]
    assert [segment.frames for segment in cut.segments] == [(2, 4, 6), (14, 17)]
    assert [str(place) for place in cut.segments[1].spacings] == ["1/3", "2/3"]
    assert cut.length == len(plan_cut(cut).sheet.frames) == 24


def test_the_hold_of_a_key_before_its_first_circle_stays() -> None:
    sheet = plan_cut(cut_of(xdts(("A", THREE_KEYS)), 0)).sheet
    assert [drawing and drawing.key for drawing in sheet.frames[7:15]] == [None, *["2"] * 6, None]


def test_a_sheet_that_ends_on_its_first_key_is_a_cycle() -> None:
    cut = cut_of(xdts(("A", CYCLE), length=9), 0)
    assert cut.is_cycle
    assert [key.name for key in cut.keys] == ["1", "2", "3"]
    assert [segment.frames for segment in cut.segments] == [(1, 2), (4, 5), (7, 8)]


def test_circles_after_the_last_key_lead_back_where_a_cycle_is_asked_for() -> None:
    cells = {0: "1", 2: CIRCLE, 4: "2", 6: CIRCLE}
    cut = cut_of(xdts(("A", cells), length=8), 0, is_cycle=True)
    assert [segment.frames for segment in cut.segments] == [(2,), (6,)]


def test_a_key_after_the_end_is_led_to_and_not_shown() -> None:
    cut = cut_of(xdts(("A", {0: "1", 2: CIRCLE, 5: "2"}), length=4), 0)
    assert [d and d.key for d in plan_cut(cut).sheet.frames] == ["1", "1", None, None]


def test_a_name_that_is_written_again_while_it_is_shown_is_one_exposure() -> None:
    cells = {-1: "1", 0: "1", 2: CIRCLE, 3: GOES_ON, 4: "2", 6: "2"}
    cut = cut_of(xdts(("A", cells), length=8), 0)
    assert [(key.name, key.frame) for key in cut.keys] == [("1", -1), ("2", 4)]


def test_a_key_is_shown_again_after_nothing() -> None:
    cells = {0: "1", 2: NOTHING, 4: "1", 5: CIRCLE, 6: "2"}
    frames = plan_cut(cut_of(xdts(("A", cells), length=7), 0)).sheet.frames
    assert [d and (d.key or "o") for d in frames] == ["1", "1", None, None, "1", "o", "2"]


def test_dots_count_as_circles_and_are_named() -> None:
    sheet = xdts(("A", {0: "1", 2: DOT, 3: CIRCLE, 4: "2"}))
    assert cut_of(sheet, 0).segments[0].frames == (2, 3)
    assert "a dot at frame 3" in (dots_note(sheet, 0) or "")
    assert dots_note(xdts(("A", THREE_KEYS)), 0) is None


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({0: "1", 8: "2"}, "Cel 'A' of 'scene.xdts' has no circle"),
        ({0: CIRCLE, 2: "1", 8: "2"}, "a circle at frame 1, before its first key"),
        ({0: "1", 2: "2", 8: CIRCLE}, "a circle at frame 9, after its last key"),
        ({0: CIRCLE}, "a circle at frame 1, before its first key"),
        ({0: "1", 2: CIRCLE}, "a circle at frame 3, after its last key"),
    ],
)
def test_an_order_that_cannot_be_drawn_is_refused(cells: dict[int, str], says: str) -> None:
    with pytest.raises(SheetError) as refused:
        cut_of(xdts(("A", cells), length=12), 0)
    assert says in str(refused.value)


def test_a_cycle_of_one_key_is_refused() -> None:
    with pytest.raises(CutError, match="only one, '1'"):
        cut_of(xdts(("A", {0: "1", 2: CIRCLE}), length=12), 0, is_cycle=True)


def test_the_only_cel_with_circles_needs_no_name() -> None:
    assert choose_column(xdts(("A", {0: "x"}), ("B", THREE_KEYS))) == 1


def test_a_cel_is_named_or_numbered() -> None:
    sheet = xdts(("A", THREE_KEYS), ("B", THREE_KEYS), ("A", THREE_KEYS))
    assert choose_column(sheet, "B") == 1
    assert choose_column(sheet, "#3") == 2


@pytest.mark.parametrize(
    ("cel", "says"),
    [
        (None, "circles in several cels: choose '#1' ('A'), 'B', '#3' ('A')."),
        ("A", "2 cels named 'A': choose '#1' or '#3'."),
        ("C", "There is no cel 'C' in 'scene.xdts': its cels are '#1' ('A'), 'B', '#3' ('A')."),
        ("#4", "There is no cel '#4'"),
        ("#0", "There is no cel '#0'"),
    ],
)
def test_a_cel_that_cannot_be_chosen_is_refused_with_those_that_can(
    cel: str | None, says: str
) -> None:
    with pytest.raises(SheetError) as refused:
        choose_column(xdts(("A", THREE_KEYS), ("B", THREE_KEYS), ("A", THREE_KEYS)), cel)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("cels", "says"), [((), "has no cel"), ((("A", {0: "1"}),), "'scene.xdts' has no circle")]
)
def test_a_sheet_with_nothing_to_draw_is_refused(
    cels: tuple[tuple[str, dict[int, str]], ...], says: str
) -> None:
    with pytest.raises(SheetError, match=says):
        choose_column(xdts(*cels))


def test_random_sheets_keep_their_length_and_their_keys() -> None:
    draw = random.Random(5)
    for _ in range(100):
        length = draw.randint(6, 80)
        frames = sorted(draw.sample(range(length), draw.randint(3, min(30, length))))
        cells = {frame: draw.choice([CIRCLE, CIRCLE, DOT, GOES_ON, "key"]) for frame in frames}
        cells[frames[0]] = cells[frames[-1]] = "key"
        cells[frames[1]] = CIRCLE
        cells = {f: f"k{f}" if value == "key" else value for f, value in cells.items()}
        cut = cut_of(xdts(("A", cells), length=length), 0)
        plan = plan_cut(cut)
        assert len(plan.sheet.frames) == length
        for frame, value in cells.items():
            drawing = plan.sheet.frames[frame]
            assert drawing is not None
            if value.startswith("k"):
                assert drawing.key == value
            elif value != GOES_ON:
                assert drawing.key is None
        made = [drawing for drawings in plan.in_betweens for drawing in drawings]
        assert len(made) == len(set(made)) == sum(v in (CIRCLE, DOT) for v in cells.values())
