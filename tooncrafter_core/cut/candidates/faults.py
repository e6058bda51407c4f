"""Every fault that a clip is looked at for, and how much each counts.

The weights were chosen on drawn clips that were spoilt in known ways.

Legend: t frames, k keys (2), c channels (3), h w space; pictures in [-1, 1].
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import CutError
from ...interpolation.small_flow import small_flow
from ...metrics.faults import colours, lines, motion

LEAST_FRAMES = 3
"""Two ends and one between."""
TYPICAL = math.log1p(1.0)
"""The level of a clip that has as much of a fault as true ones have."""
SIDE, FLOW_SIDE = 512, 80
"""Pixels of the shorter side that is looked at: larger pictures are made smaller, flow is found at
a smaller size yet."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that can be wrong with a clip."""

    unit: float
    """How much of it a true clip has."""
    weight: float
    words: str
    """What is said of a clip that has more of it, before ``in frames 6 to 9``."""


FAULTS: dict[str, Fault] = {
    "ends": Fault(unit=1.0, weight=1.0, words="not like the keys"),
    "softness": Fault(unit=0.02, weight=2.1, words="lines softer than those of both keys"),
    "hardness": Fault(unit=0.02, weight=1.5, words="lines harder than those of both keys"),
    "ghosts": Fault(unit=0.1, weight=1.0, words="ghost lines of both keys"),
    "jerks": Fault(unit=0.5, weight=1.0, words="jerky motion"),
    "leaps": Fault(unit=0.02, weight=2.0, words="a leap"),
    "detours": Fault(unit=0.1, weight=1.9, words="motion back and forth"),
    "flicker": Fault(unit=0.3, weight=2.2, words="flicker"),
    "drift": Fault(unit=1.0, weight=0.2, words="colours that the keys do not have"),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A clip, and how much of each fault it has."""

    amounts: Mapping[str, Tensor]
    """By fault, a number for each frame."""

    @property
    def points(self) -> dict[str, float]:
        """What each fault counts: 0 is nothing, and twice as much counts less than twice."""
        return {name: fault.weight * self.level(name) for name, fault in FAULTS.items()}

    @property
    def total(self) -> float:
        """The points of all faults: the least is the best clip."""
        return sum(self.points.values())

    def level(self, name: str) -> float:
        """How much of a fault there is, before it is weighted."""
        # The root of the mean square: one bad frame of many is seen.
        amount = self.amounts[name].double().square().mean().sqrt()
        return float(torch.log1p(amount / FAULTS[name].unit))


def judge(frames: Tensor, first: Tensor, last: Tensor) -> Judged:
    """Measure every fault of a clip ``t 3 h w`` between two keys ``3 h w`` of its size.

    What lies between is looked at between the keys themselves, which take the place of the drawn
    ends. ``CutError`` for a clip without a frame between, and for keys of another size.
    """
    frames, keys = frames.detach().float().cpu(), torch.stack([first, last]).float().cpu()
    _check(frames, keys)
    frames, keys = (_no_larger(pictures, SIDE) for pictures in (frames, keys))
    between = torch.cat([keys[:1], frames[1:-1], keys[1:]])
    small = _no_larger(between, FLOW_SIDE)
    forward, backward = small_flow(small[:-1], small[1:]), small_flow(small[1:], small[:-1])
    return Judged(
        amounts={
            "ends": colours.off_keys(frames, keys),
            "softness": lines.softness(between, keys),
            "hardness": lines.hardness(between, keys),
            "ghosts": lines.ghosts(between, keys),
            "jerks": motion.jerks(forward, backward),
            "leaps": motion.leaps(small),
            "detours": motion.detours(small),
            "flicker": colours.flicker(between),
            "drift": colours.drift(between, keys),
        }
    )


def _check(frames: Tensor, keys: Tensor) -> None:
    if frames.ndim != 4 or frames.shape[1] != 3 or len(frames) < LEAST_FRAMES:
        raise CutError(
            f"A candidate is a clip of {LEAST_FRAMES} frames or more in three channels, two keys "
            f"and what lies between; this one is {tuple(frames.shape)}."
        )
    if keys.shape[1:] != frames.shape[1:]:
        raise CutError(
            f"The keys are {keys.shape[3]}x{keys.shape[2]} and the clip is {frames.shape[3]}x"
            f"{frames.shape[2]}: scale the keys to the size of the clip first."
        )


def _no_larger(pictures: Tensor, side: int) -> Tensor:
    """Pictures ``t c h w`` whose shorter side is about ``side`` pixels, or as they are."""
    factor = min(pictures.shape[-2:]) / side
    if factor < 2:
        # A little smaller would soften lines; whole steps keep them.
        return pictures
    return F.avg_pool2d(pictures, int(factor))
