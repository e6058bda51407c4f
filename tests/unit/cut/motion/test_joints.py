"""Which keys lie within a motion, and which of them are chosen."""

import pytest

from tooncrafter_core.cut.motion.joints import chosen_joints, joints_note, joints_of
from tooncrafter_core.cut.plain import time_cut
from tooncrafter_core.cut.plan import CutPlan, plan_cut
from tooncrafter_core.cut.values import Cut
from tooncrafter_core.errors import CutError


def planned(names: str, frames: list[int], **settings: object) -> tuple[Cut, CutPlan]:
    cut = time_cut(list(names), frames, **settings)  # type: ignore[arg-type]
    return cut, plan_cut(cut)


def test_joints_are_keys_with_drawn_in_betweens_on_both_sides() -> None:
    cut, plan = planned("ABCD", [0, 4, 8, 9])
    (joint,) = joints_of(cut, plan)
    assert joint.key == "B" and joint.spans == (4, 4)
    assert sorted(joint.before.values()) == [1, 2, 3] == sorted(joint.after.values())
    assert joints_note([joint]) == "The motion is smoothed at key B."
    # A hold is no motion, though it has frames.
    cut, plan = planned("ABB", [0, 4, 8])
    assert joints_of(cut, plan) == []
    assert "no motion to smooth" in joints_note([])


def test_a_cycle_is_smoothed_at_its_first_key_too() -> None:
    cut, plan = planned("ABC", [0, 4, 10, 13], is_cycle=True)
    joints = joints_of(cut, plan)
    assert [joint.key for joint in joints] == ["B", "C", "A"]
    assert joints[-1].spans == (3, 4) and sorted(joints[-1].before.values()) == [1, 2]


def test_keys_are_chosen_by_name_and_others_are_refused_in_words() -> None:
    cut, plan = planned("ABC", [0, 4, 8])
    assert chosen_joints(cut, plan, ["all"]) == joints_of(cut, plan)
    assert [joint.key for joint in chosen_joints(cut, plan, ["B"])] == ["B"]
    with pytest.raises(
        CutError, match="There is no key 'X' to smooth; the keys are A, B, C, and 'all' takes"
    ):
        chosen_joints(cut, plan, ["X"])
    with pytest.raises(CutError, match=r"key 'A' cannot be smoothed.*both: B"):
        chosen_joints(cut, plan, ["B", "A"])
