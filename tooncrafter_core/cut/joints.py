"""Rounds the motion at keys: in-betweens near a key move a little, so that speed does not break.

Segments are drawn one by one, and what moves turns sharply at the key between two of them. Here the
velocity on either side of a key is measured in the drawings (optical flow), and the in-betweens
around are bent to the mean of both: by ``t (1 - t / L)^2 / 2`` of the jump at ``t`` frames from
the key, which is a cubic Hermite spline that fades out after ``L``. Keys stay as they are.

Legend: c channels, h w space. Pictures are levels ``h w c``, uint8.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from einops import rearrange
from torch import Tensor

from ..errors import CutError
from ..interpolation.small_flow import carried, explained, moved, small_flow
from ..pictures.levels import from_levels, to_levels
from .drawing import Levels
from .plan import CutPlan
from .values import Cut, Drawing

ALL = "all"
"""In place of keys' names: every key that has motion on both sides."""
MEASURED_AT = 3
"""Frames from the key over which a velocity is measured, or the nearest drawing to that."""
FADES_AFTER = 2 / 3
"""Of a segment: the part of it that a key bends."""
FARTHEST = 12.0
"""Frames that a key bends at most: what moves hardly goes straight on for longer."""
SMALLEST = 0.05
"""Pixels; less is no motion, and what stands still is not touched."""


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


def smoothed(joints: Sequence[Joint], pictures: Mapping[Drawing, Levels]) -> dict[Drawing, Levels]:
    """The drawings of a cut with the motion rounded at these joints; keys to the bit.

    A drawing between two joints is moved by both, and resampled once.
    """
    found, bends = dict(pictures), dict[Drawing, Tensor]()
    waiting = Counter(drawing for joint in joints for drawing in _around(joint))
    for joint in joints:
        for drawing, bend in bends_at(joint, pictures).items():
            bends[drawing] = bends[drawing] + bend if drawing in bends else bend
        # At once where no joint is left: fields of a whole cut would fill the memory.
        waiting.subtract(_around(joint))
        for drawing in [one for one in bends if not waiting[one]]:
            found[drawing] = bent(pictures[drawing], bends.pop(drawing))
    return found


def _around(joint: Joint) -> list[Drawing]:
    return [*joint.before, *joint.after]


def bends_at(joint: Joint, pictures: Mapping[Drawing, Levels]) -> dict[Drawing, Tensor]:
    """How far what each in-between shows has to go, ``1 2 h w`` in pixels of that in-between."""
    key = _unit(pictures[Drawing(key=joint.key)])
    velocities, trust = [], torch.ones_like(key[:, :1])
    for side, sign in ((joint.before, -1), (joint.after, 1)):
        drawing = min(side, key=lambda one: abs(side[one] - MEASURED_AT))
        other = _unit(pictures[drawing])
        flow = small_flow(key, other)
        velocities.append(sign * flow / side[drawing])
        trust = trust.minimum(explained(key, other, flow))
    arriving, leaving = velocities
    jump = (leaving - arriving) * trust
    # Of what lies on each other, what moves counts: the background behind it hardly does.
    weight = (_length(arriving) + _length(leaving) + _length(jump)) ** 2 + 1e-4
    bends: dict[Drawing, Tensor] = {}
    for side, velocity, sign, span in zip(
        (joint.before, joint.after), velocities, (-1, 1), joint.spans, strict=True
    ):
        fades_after = min(FADES_AFTER * span, FARTHEST)
        for drawing, frames in side.items():
            if frames < fades_after:
                bend = -jump / 2 * frames * (1 - frames / fades_after) ** 2
                bends[drawing] = carried(bend, sign * frames * velocity + bend, weight)
    return bends


def bent(picture: Levels, bend: Tensor) -> Levels:
    """A picture whose pixels went ``bend``; those that hardly move keep their levels."""
    unit = _unit(picture)
    fetched = to_levels(moved(unit, bend))
    is_moved = rearrange(_length(bend) >= SMALLEST, "1 1 h w -> h w 1").numpy()
    levels = rearrange(fetched, "1 c h w -> h w c").numpy()
    return levels * is_moved + picture * ~is_moved


def _unit(picture: Levels) -> Tensor:
    """Levels ``h w c`` as ``1 c h w`` in [-1, 1]."""
    return rearrange(from_levels(torch.from_numpy(picture)), "h w c -> 1 c h w")


def _length(field: Tensor) -> Tensor:
    return field.norm(dim=1, keepdim=True)
