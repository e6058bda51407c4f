"""What is drawn, and which drawing each frame shows."""

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tooncrafter_core.cut.plain import time_cut
from tooncrafter_core.cut.plan import CutPlan, exposed, plan_cut
from tooncrafter_core.cut.values import (
    Cut,
    Drawing,
    Key,
    Moment,
    PlacedSketch,
    Segment,
    with_sketches,
)
from tooncrafter_core.errors import CutError


def shown(plan: CutPlan) -> str:
    """The sheet in letters: a key's name, the number of a segment, a dot for nothing."""
    return "".join(
        "." if drawing is None else drawing.key or str((drawing.segment or 0) + 1)
        for drawing in plan.sheet.frames
    )


def test_the_shared_key_of_two_segments_appears_once() -> None:
    plan = plan_cut(time_cut(["A", "B", "C"], [0, 3, 6]))
    assert shown(plan) == "A11B22C"
    assert [(clip.first.key, clip.last.key) for clip in plan.clips] == [("A", "B"), ("B", "C")]


def test_a_cycle_does_not_show_its_first_key_twice() -> None:
    plan = plan_cut(time_cut(["A", "B", "C"], [0, 3, 6, 9], is_cycle=True))
    assert shown(plan) == "A11B22C33"
    assert (plan.clips[-1].first.key, plan.clips[-1].last.key) == ("C", "A")


def test_drawings_on_twos_are_shown_for_two_frames() -> None:
    plan = plan_cut(time_cut(["A", "B"], [0, 6], on=2))
    assert shown(plan) == "AA1111BB"
    assert [frame for frame, _ in plan.sheet.changes()] == [0, 2, 4, 6]


def test_neighbours_without_a_frame_between_draw_nothing() -> None:
    plan = plan_cut(time_cut(["A", "B"], [0, 1]))
    assert shown(plan) == "AB"
    assert plan.clips == ()
    assert plan.notes == ("No segment has a frame for an in-between: nothing is drawn.",)


@pytest.mark.parametrize("same", ["name", "file"])
def test_equal_keys_are_a_hold_and_nothing_is_drawn(same: str) -> None:
    names, pictures = (["A", "A"], []) if same == "name" else (["A", "B"], [Path("a.png")] * 2)
    cut = time_cut(names, [0, 4], pictures=pictures)
    plan = plan_cut(cut)
    assert shown(plan)[:4] == "AAAA"
    assert plan.clips == ()
    assert [note.split(",")[0] for note in plan.notes] == ["Segment 1 is a hold"]
    assert len(plan.sheet.frames) == 5


def test_a_hold_is_drawn_when_it_is_asked_for() -> None:
    plan = plan_cut(time_cut(["A", "A"], [0, 4]), draws_holds=True)
    assert shown(plan) == "A111A"
    assert len(plan.clips) == 1


def test_keys_are_equal_by_whatever_the_caller_compares() -> None:
    plan = plan_cut(time_cut(["A", "B", "C"], [0, 2, 4]), lambda a, b: {a.name, b.name} == {*"AB"})
    assert shown(plan) == "AAB2C"


def test_nothing_is_shown_from_a_blank_until_the_next_drawing() -> None:
    cut = Cut(
        keys=(Key(name="A", frame=1), Key(name="B", frame=6)),
        segments=(Segment(frames=(4,), spacings=time_cut("AB", [0, 2]).segments[0].spacings),),
        length=9,
        blanks=(2, 8),
    )
    assert shown(plan_cut(cut)) == ".A..11BB."


def test_what_comes_before_the_first_frame_holds() -> None:
    cut = Cut(
        keys=(Key(name="A", frame=-3), Key(name="B", frame=2)),
        segments=(Segment(),),
        length=3,
    )
    assert shown(plan_cut(cut)) == "AAB"


def test_a_long_segment_is_drawn_in_halves_between_its_own_middle() -> None:
    plan = plan_cut(time_cut(["A", "B"], [0, 21]))
    middle = Drawing(segment=0, moment=Moment(index=7))
    a, b = Drawing(key="A"), Drawing(key="B")
    assert [(clip.half, clip.first, clip.last) for clip in plan.clips] == [
        ("", a, b), ("1", a, middle), ("2", middle, b),
    ]  # fmt: skip
    assert "20 in-betweens" in plan.notes[0]
    assert "(approximate)" in plan.notes[0]


def test_quarters_lie_between_the_middles_of_halves() -> None:
    plan = plan_cut(time_cut(["A", "B"], [0, 41]))
    quarter = next(clip for clip in plan.clips if clip.half == "12")
    assert quarter.first == Drawing(segment=0, moment=Moment(half="1", index=7))
    assert quarter.last == Drawing(segment=0, moment=Moment(index=7))
    assert [len(clip.half) for clip in plan.clips] == [0, 1, 1, 2, 2, 2, 2]


def test_more_in_betweens_than_can_be_drawn_are_refused() -> None:
    with pytest.raises(CutError, match="Segment 1 has 199 in-betweens"):
        plan_cut(time_cut(["A", "B"], [0, 200]))


def test_sketches_where_nothing_is_drawn_are_named() -> None:
    sketch = PlacedSketch(moment=7, picture=Path("pose.png"))
    cut = with_sketches(time_cut(["A", "B", "C"], [0, 1, 4]), 1, (sketch,))
    assert "Segment 1 has sketches" in plan_cut(cut).notes[0]
    assert plan_cut(with_sketches(cut, 2, (sketch,))).notes == plan_cut(cut).notes


@pytest.mark.parametrize(
    ("segment", "moments", "says"),
    [
        (3, [7], "a sketch for segment 3, which is not there: the cut has 2"),
        (0, [7], "a sketch for segment 0"),
        (1, [16], "Segment 1 has a sketch at moment 17: its moments are 1 to 16"),
        (1, [3, 3], "Segment 1 has two sketches at moment 4"),
    ],
)
def test_a_sketch_without_a_place_is_refused(segment: int, moments: list[int], says: str) -> None:
    sketches = tuple(PlacedSketch(moment=m, picture=Path(f"{m}.png")) for m in moments)
    with pytest.raises(CutError, match=says):
        with_sketches(time_cut(["A", "B", "C"], [0, 4, 8]), segment, sketches)


def test_frames_are_put_together_from_drawings() -> None:
    plan = plan_cut(time_cut(["A", "B"], [0, 2], length=4))
    pictures = {drawing: f"picture {i}" for i, drawing in enumerate(plan.drawings)}
    assert exposed(plan.sheet, pictures) == ["picture 0", "picture 1", "picture 2", "picture 2"]


def test_random_cuts_keep_keys_and_length_and_take_no_moment_twice() -> None:
    draw = random.Random(11)
    for _ in range(100):
        frames = sorted(draw.sample(range(60), draw.randint(2, 7)))
        names = [f"K{i}" for i in range(len(frames))]
        is_cycle = draw.random() < 0.3
        length = frames[-1] + draw.randint(1, 20)
        on = draw.randint(1, 4)
        spacing = draw.choice(["even", "slow in", "slow out", "slow in and out"])
        cut = time_cut(names, frames, on, [spacing], length=length, is_cycle=is_cycle)
        plan = plan_cut(cut)
        assert len(plan.sheet.frames) == length
        for key in cut.keys:
            assert plan.sheet.frames[key.frame] == Drawing(key=key.name)
        made = [drawing for drawings in plan.in_betweens for drawing in drawings]
        assert len(set(made)) == len(made)
        assert sum(drawing.key is not None for drawing in plan.drawings) == len(names)
        drawn = {(clip.segment, clip.half) for clip in plan.clips}
        for drawing in made:
            assert drawing.moment is not None
            assert (drawing.segment, drawing.moment.half) in drawn
        before: set[Drawing] = {Drawing(key=name) for name in names}
        for clip in plan.clips:
            assert {clip.first, clip.last} <= before
            before |= {
                Drawing(segment=clip.segment, moment=Moment(half=clip.half, index=i))
                for i in range(16)
            }


def test_a_cut_that_shows_nothing_is_refused() -> None:
    keys = (Key(name="1", frame=3), Key(name="2", frame=8))
    segment = Segment(frames=(5,), spacings=(Fraction(1, 2),))
    nothing = Cut(keys=keys, segments=(segment,), length=3, fps=24.0, blanks=(0,))
    with pytest.raises(CutError, match="No frame of this cut shows a drawing: its 3 frames end"):
        plan_cut(nothing)
    assert shown(plan_cut(replace(nothing, length=4))) == "...1"


def test_a_cycle_that_begins_late_says_that_it_shows_nothing_first() -> None:
    late = plan_cut(time_cut(["A", "B"], [2, 4, 6], is_cycle=True))
    assert shown(late) == "..A1B2"
    assert any("nothing before its first key at frame 3" in note for note in late.notes)
    assert plan_cut(time_cut(["A", "B"], [0, 2, 4], is_cycle=True)).notes == ()
