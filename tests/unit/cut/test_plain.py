"""Timing without a sheet: keys at frames, drawings on ones, twos or threes."""

import pytest

from tooncrafter_core.cut.plain import Charts, parse_frames, time_cut
from tooncrafter_core.errors import CutError

ABC = ["A", "B", "C"]


def test_frames_are_read_as_people_count() -> None:
    assert parse_frames("1, 13,25") == parse_frames("1 13 25") == [0, 12, 24]


@pytest.mark.parametrize(
    ("text", "says"),
    [("1, x", "'x' is no frame"), ("0, 5", "no frame 0"), ("-3", "no frame -3"), ("1-5", "'1-5'")],
)
def test_what_is_no_frame_is_refused(text: str, says: str) -> None:
    with pytest.raises(CutError, match=says):
        parse_frames(text)


def test_in_betweens_come_every_two_frames_on_twos() -> None:
    cut = time_cut(ABC, [0, 6, 13], on=2)
    assert [segment.frames for segment in cut.segments] == [(2, 4), (8, 10, 12)]
    assert cut.length == 15


def test_each_segment_may_have_its_own_spacing() -> None:
    cut = time_cut(ABC, [0, 4, 8], on=2, spacings=["1/4", "75%"])
    assert [float(segment.spacings[0]) for segment in cut.segments] == [0.25, 0.75]


def test_a_chart_is_not_asked_for_where_nothing_lies_between() -> None:
    cut = time_cut(ABC, [0, 1, 4], spacings=["1/4 1/2"])
    assert [len(segment.frames) for segment in cut.segments] == [0, 2]


@pytest.mark.parametrize(
    ("names", "frames", "length"),
    [(ABC, [0, 4, 8, 12], None), ([*ABC, "A"], [0, 4, 8, 12], None), (ABC, [0, 4, 8], 12)],
)
def test_a_cycle_ends_before_its_first_key_again(
    names: list[str], frames: list[int], length: int | None
) -> None:
    cut = time_cut(names, frames, on=2, is_cycle=True, length=length)
    assert [key.name for key in cut.keys] == ABC
    assert cut.length == 12
    assert [segment.frames for segment in cut.segments] == [(2,), (6,), (10,)]
    assert [key.name for key in cut.ends(2)] == ["C", "A"]


@pytest.mark.parametrize(
    ("frames", "options", "says"),
    [
        ([0, 4], {}, "There are 3 keys and 2 frames"),
        ([0, 4, 4], {}, "Two keys, 'B' and 'C', are at frame 5"),
        ([0, 8, 4], {}, "out of order: key 'C' at frame 5"),
        ([0, 4, 8], {"on": 0}, "not on 0"),
        ([0, 4, 8], {"on": -2}, "not on -2"),
        ([0, 4, 8], {"length": 8}, "Key 'C' at frame 9 comes after the end"),
        ([0, 4, 8], {"length": 0}, "1 to 20000 frames long, not 0"),
        ([0, 4, 10**9], {}, "1 to 20000 frames long"),
        ([0, 4, 8], {"fps": 0}, "not at 0"),
        ([0, 4, 8], {"fps": float("nan")}, "not at nan"),
        ([0, 4, 8], {"spacings": ["even"] * 3}, "There are 2 segments and 3 spacings"),
        ([0, 4, 8], {"spacings": ["1/2 1/4 1"]}, "'1' of segment 1 is the last key"),
        ([0, 4, 8], {"is_cycle": True}, "a cycle needs one frame more"),
        ([0, 4, 8, 12], {"is_cycle": True, "length": 9}, "closed at frame 13"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    frames: list[int], options: dict[str, object], says: str
) -> None:
    with pytest.raises(CutError, match=says):
        time_cut(ABC, frames, **options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("names", "found"), [(["A"], "only one, 'A'"), ([], "no key")])
def test_fewer_than_two_keys_are_no_cut(names: list[str], found: str) -> None:
    with pytest.raises(CutError, match=found):
        time_cut(names, list(range(len(names))))


def test_two_hundred_keys_are_a_cut() -> None:
    names = [str(i) for i in range(200)]
    cut = time_cut(names, [i * 4 for i in range(200)], on=2)
    assert len(cut.segments) == 199
    assert all(len(segment.frames) == 1 for segment in cut.segments)


def test_a_chart_for_all_need_not_fit_segments_with_their_own() -> None:
    frames, names = [0, 4, 6], ["A", "B", "C"]
    with pytest.raises(CutError, match="segment 2"):
        time_cut(names, frames, spacings=["1/4 1/2 3/4"])
    cut = time_cut(names, frames, spacings=Charts(common=["1/4 1/2 3/4"], own={2: "1/3"}))
    assert [list(map(str, each.spacings)) for each in cut.segments] == [
        ["1/4", "1/2", "3/4"],
        ["1/3"],
    ]
