"""How smoothly a clip moves, by its flow and by how much changes from frame to frame.

Each measure is a number per frame, 0 where nothing is wrong and at both ends.

Legend: t frames, s steps (t - 1), c channels (3), h w space; pictures in [-1, 1], flow in pixels.
"""

from torch import Tensor
from torch.nn import functional as F

MOVES = 0.3
"""Pixels a frame from which something moves."""
STILL = 0.05
"""Mean pixels a frame below which all speeds count as the same."""
EVEN_STEPS = 2.5
"""Times the mean change that one step may have: films on twos have every second one."""
_LEAST = 2e-3
"""Mean change between two frames that is hardly seen."""


def jerks(forward: Tensor, backward: Tensor) -> Tensor:
    """Changes of velocity as a share of the speed, ``t``.

    ``forward`` is the flow from each frame to the next, ``backward`` from each to the one before,
    ``s 2 h w`` both. What moves evenly comes from as far as it goes.
    """
    going, coming = forward[1:], backward[:-1]
    speed = (going.norm(dim=1) + coming.norm(dim=1)) / 2
    change = (going + coming).norm(dim=1) * (speed > MOVES)
    return F.pad(change.mean((1, 2)) / (speed.mean((1, 2)) + STILL), (1, 1))


def leaps(frames: Tensor) -> Tensor:
    """The share of the whole clip's change that lies in one step, beyond an even share, ``t``.

    It counts for the frame after the step.
    """
    steps = _changes(frames)
    share = steps / (steps.sum() + _LEAST)
    return F.pad((share - EVEN_STEPS / len(steps)).clamp_min(0), (1, 0))


def detours(frames: Tensor) -> Tensor:
    """How much longer the way through a frame is than without it, ``t``.

    The frames before and after are compared. Two steps of a straight way are at most twice that.
    """
    steps = _changes(frames)
    straight = (frames[2:] - frames[:-2]).abs().mean((1, 2, 3))
    return F.pad(((steps[1:] + steps[:-1]) / (straight + _LEAST) - 2).clamp_min(0), (1, 1))


def _changes(frames: Tensor) -> Tensor:
    """The mean change of each step, ``s``."""
    return frames.diff(dim=0).abs().mean((1, 2, 3))
