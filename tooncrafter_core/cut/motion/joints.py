"""Keys that lie within a motion, and the in-betweens around each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...errors import CutError
from ..plan import CutPlan
from ..values import Cut, Drawing

ALL = "all"
"""In place of keys' names: every key that has motion on both sides."""


@dataclass(frozen=True, kw_only=True)
class Joint:
    """A key inside a motion, with the in-betweens around it."""

    key: str
    before: Mapping[Drawing, int]
    """Of the segment that ends here: each drawing with its frames to the key, above 0."""
    after: Mapping[Drawing, int]
    """Of the segment that begins here: each with its frames from the key."""
    spans: tuple[int, int]
    """Frames of both segments."""


def joints_of(cut: Cut, plan: CutPlan) -> list[Joint]:
    """Every key that has drawn in-betweens on both sides; none of a hold."""
    found: list[Joint] = []
    shown = set(plan.drawings)
    order = [*range(len(cut.segments))] + [0] * cut.is_cycle
    for left, right in pairwise(order):
        begin, end = cut.span(left)
        start, stop = cut.span(right)
        before = _drawn(cut, plan, left, [end - frame for frame in cut.segments[left].frames])
        after = _drawn(cut, plan, right, [frame - start for frame in cut.segments[right].frames])
        key = cut.ends(right)[0].name
        if before and after and Drawing(key=key) in shown:
            spans = end - begin, stop - start
            found.append(Joint(key=key, before=before, after=after, spans=spans))
    return found


def _drawn(cut: Cut, plan: CutPlan, segment: int, frames: Sequence[int]) -> dict[Drawing, int]:
    pairs = zip(plan.in_betweens[segment], frames, strict=True)
    return {drawing: frame for drawing, frame in pairs if drawing.key is None}


def chosen_joints(cut: Cut, plan: CutPlan, names: Sequence[str]) -> list[Joint]:
    """The joints at these keys, or at ``all``.

    ``CutError`` for a name that is no key, and for a key where nothing is drawn on both sides.
    """
    joints = joints_of(cut, plan)
    if list(names) == [ALL]:
        return joints
    keys, inner = [key.name for key in cut.keys], [joint.key for joint in joints]
    for name in names:
        if name not in keys:
            raise CutError(
                f"There is no key '{name}' to smooth; the keys are {', '.join(keys)}, and "
                f"'{ALL}' takes every one that can be."
            )
        if name not in inner:
            others = f": {', '.join(inner)}" if inner else "; this cut has none"
            raise CutError(
                f"The motion at key '{name}' cannot be smoothed: that needs drawn in-betweens "
                f"before it and after it. Choose among keys that have both{others}."
            )
    return [joint for joint in joints if joint.key in names]


def joints_note(joints: Sequence[Joint]) -> str:
    """What to say of the keys whose motion is smoothed, one sentence."""
    if not joints:
        return "No key has drawn in-betweens on both sides: there is no motion to smooth."
    names = ", ".join(joint.key for joint in joints)
    return f"The motion is smoothed at key{'s' if len(joints) > 1 else ''} {names}."
