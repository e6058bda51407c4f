"""Rounds the motion at keys: in-betweens near a key move a little, so that speed does not break.

Segments are drawn one by one, and what moves turns sharply at the key between two of them. Here the
velocity on either side of a key is measured in the drawings (optical flow), and the in-betweens
around are bent to the mean of both: by ``t (1 - t / L)^2 / 2`` of the jump at ``t`` frames from
the key, which is a cubic Hermite spline that fades out after ``L``. Keys stay as they are.

Legend: c channels, h w space. Pictures are levels ``h w c``, uint8.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import torch
from einops import rearrange
from torch import Tensor

from ...interpolation.small_flow import carried, explained, moved, small_flow
from ...pictures.levels import from_levels, to_levels
from ..drawing import Levels
from ..values import Drawing
from .joints import Joint

MEASURED_AT = 3
"""Frames from the key over which a velocity is measured, or the nearest drawing to that."""
FADES_AFTER = 2 / 3
"""Of a segment: the part of it that a key bends."""
FARTHEST = 12.0
"""Frames that a key bends at most: what moves hardly goes straight on for longer."""
SMALLEST = 0.05
"""Pixels; less is no motion, and what stands still is not touched."""


def smoothed(joints: Sequence[Joint], pictures: Mapping[Drawing, Levels]) -> dict[Drawing, Levels]:
    """The drawings of a cut with the motion rounded at these joints; keys to the bit.

    A drawing between two joints is moved by both, and resampled once.
    """
    return {**pictures, **dict(bent_at(joints, pictures))}


def bent_at(
    joints: Sequence[Joint], pictures: Mapping[Drawing, Levels]
) -> Iterator[tuple[Drawing, Levels]]:
    """Each drawing that moves, as soon as no joint is left that moves it."""
    bends: dict[Drawing, Tensor] = {}
    waiting = Counter(drawing for joint in joints for drawing in _around(joint))
    for joint in joints:
        for drawing, bend in bends_at(joint, pictures).items():
            bends[drawing] = bends[drawing] + bend if drawing in bends else bend
        # At once where no joint is left: fields of a whole cut would fill the memory.
        waiting.subtract(_around(joint))
        for drawing in [one for one in bends if not waiting[one]]:
            yield drawing, bent(pictures[drawing], bends.pop(drawing))


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
