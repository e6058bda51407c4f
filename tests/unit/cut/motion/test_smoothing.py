"""Motion through a key: in-betweens are bent as they should be."""

import numpy as np
import pytest

from tooncrafter_core.cut.motion.joints import joints_of
from tooncrafter_core.cut.motion.smoothing import bends_at, bent, smoothed
from tooncrafter_core.cut.plain import time_cut
from tooncrafter_core.cut.plan import CutPlan, plan_cut
from tooncrafter_core.cut.values import Cut, Drawing


def planned(names: str, frames: list[int], **settings: object) -> tuple[Cut, CutPlan]:
    cut = time_cut(list(names), frames, **settings)  # type: ignore[arg-type]
    return cut, plan_cut(cut)


def disc(x: float, y: float) -> np.ndarray:
    """A bright disc before stripes, ``64 96 3`` levels."""
    rows, columns = np.mgrid[:64, :96]
    share = np.clip(10.5 - np.hypot(columns - x, rows - y), 0, 1)
    grey = share * 240 + (1 - share) * (30 + 20 * np.sin(columns * 0.5))
    return np.repeat(grey[..., None], 3, axis=2).round().astype(np.uint8)


def middle(picture: np.ndarray) -> np.ndarray:
    """The centre of what is bright, in pixels."""
    weight = np.clip(picture[..., 0].astype(float) - 100, 0, None)
    rows, columns = np.mgrid[:64, :96]
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def corner(cut: Cut, plan: CutPlan) -> dict[Drawing, np.ndarray]:
    """A disc that goes right, then down: its velocity breaks at the second key."""
    turn = cut.keys[1].frame

    def at(frame: int) -> np.ndarray:
        along = 2.0 * (frame - turn)
        return disc(48 + min(along, 0), 20 + max(along, 0))

    frames = {drawing: number for number, drawing in reversed([*enumerate(plan.sheet.frames)])}
    return {drawing: at(number) for drawing, number in frames.items() if drawing is not None}


def jump(plan: CutPlan, pictures: dict[Drawing, np.ndarray], key: int, step: int) -> float:
    """How much the velocity changes at a frame, in pixels a frame."""
    shown = [plan.sheet.frames[key + i * step] for i in (-1, 0, 1)]
    before, at, after = (middle(pictures[one]) for one in shown if one is not None)
    return float(np.linalg.norm(after - 2 * at + before)) / step


@pytest.mark.parametrize("on", [1, 2, 3])
def test_the_jump_of_velocity_at_a_key_is_halved_and_keys_keep_their_bits(on: int) -> None:
    cut, plan = planned("ABC", [0, 12, 24], on=on)
    pictures = corner(cut, plan)
    made = smoothed(joints_of(cut, plan), pictures)
    step = on if on > 1 else 2
    assert jump(plan, pictures, 12, step) == pytest.approx(2 * 2**0.5, abs=0.1)
    # Over a third of the way that is bent, (1 - 3/8)^2 = .39 of the jump goes.
    assert jump(plan, made, 12, step) < (0.55 if step < 3 else 0.7) * 2 * 2**0.5
    for name in "ABC":
        assert (made[Drawing(key=name)] == pictures[Drawing(key=name)]).all()
    # It swings out before the corner, and the first third of the segment is not bent.
    near, far = (plan.sheet.frames[frame] for frame in (12 - 3, 12 - 9))
    assert near is not None and far is not None
    assert middle(made[near])[1] < middle(pictures[near])[1] - 0.2
    assert (made[far] == pictures[far]).all()
    # The film on the left, where nothing moves, is the same to the bit.
    assert all((made[one][:, :4] == pictures[one][:, :4]).all() for one in made)


def test_a_drawing_between_two_keys_is_bent_by_both() -> None:
    cut, plan = planned("ABCD", [0, 6, 12, 18])
    # To the right and back twice: at both inner keys the motion turns round.
    stops = (30.0, 48.0, 30.0, 48.0)
    pictures = {
        one: disc(float(np.interp(frame, [0, 6, 12, 18], stops)), 30)
        for frame, one in enumerate(plan.sheet.frames)
        if one is not None
    }
    shared = plan.sheet.frames[9]
    assert shared is not None
    joints = joints_of(cut, plan)
    one, other = (bends_at(joint, pictures)[shared] for joint in joints)
    assert one.abs().max() > 0.1 < other.abs().max()
    made = smoothed(joints, pictures)
    assert (made[shared] == bent(pictures[shared], one + other)).all()
    assert (made[shared] != smoothed(joints[:1], pictures)[shared]).any()


def test_even_motion_and_pictures_that_have_nothing_to_do_with_each_other_hardly_change() -> None:
    cut, plan = planned("ABC", [0, 12, 24])
    even = {one: disc(20 + 2.0 * frame, 30) for frame, one in enumerate(plan.sheet.frames) if one}
    made = smoothed(joints_of(cut, plan), even)
    assert max(np.abs(middle(made[one]) - middle(even[one])).max() for one in even) < 0.4
    stills = {one: disc(40, 30) for one in even}
    assert all((smoothed(joints_of(cut, plan), stills)[one] == stills[one]).all() for one in even)
