"""How what moves goes through keys: its place in each frame, and the jump of its velocity.

Legend: t frames, h w space; places are x and y in pixels.
"""

from collections.abc import Sequence

import numpy as np

from ..errors import EvaluationError

TOLERANCE = 70
"""Levels, in the worst channel, at which a pixel no longer counts as of a colour."""
LEAST = 0.2
"""Of the area in the first frame: less of the colour is not the thing."""
ROUNDS = 8


def places_of_colour(frames: np.ndarray, colour: tuple[int, int, int], radius: float) -> np.ndarray:
    """Where the thing of a colour is in each frame of ``t h w 3`` levels: ``t 2``.

    The middle of its pixels within ``radius`` of where most of them are, so that of two ghosts the
    stronger counts. Where there is hardly any, it is where it was last seen. ``EvaluationError``
    when the first frame has none.
    """
    found: list[np.ndarray] = []
    least = 1.0
    rows, columns = np.mgrid[: frames.shape[1], : frames.shape[2]] + 0.5
    for frame in frames:
        far = np.abs(frame.astype(np.float32) - np.array(colour)).max(-1)
        weight = np.clip(1 - far / TOLERANCE, 0, 1)
        if weight.sum() < least:
            if not found:
                raise EvaluationError(f"The first frame has nothing of the colour {colour}.")
            found.append(found[-1])
            continue
        if not found:
            least = LEAST * float(weight.sum())
        x, y = _median(weight.sum(0)), _median(weight.sum(1))
        for _ in range(ROUNDS):
            near = weight * ((columns - x) ** 2 + (rows - y) ** 2 < radius**2)
            if near.sum() == 0:
                break
            x, y = (near * columns).sum() / near.sum(), (near * rows).sum() / near.sum()
        found.append(np.array([x, y]))
    return np.stack(found)


def _median(weights: np.ndarray) -> float:
    """The place where half of the weights lie before."""
    sums = np.cumsum(weights)
    return float(np.searchsorted(sums, sums[-1] / 2)) + 0.5


def velocity_jumps(places: np.ndarray, keys: Sequence[int], over: int = 2) -> np.ndarray:
    """How much the velocity changes at each key, ``k 2`` in pixels a frame.

    Velocities are those over some frames before it and after it.
    """
    at = np.array(keys)
    return (places[at + over] - 2 * places[at] + places[at - over]) / over


def jump_error(places: np.ndarray, true: np.ndarray, keys: Sequence[int], over: int = 2) -> float:
    """How far the jump of velocity at keys is from that of the true motion, in pixels a frame."""
    wrong = velocity_jumps(places, keys, over) - velocity_jumps(true, keys, over)
    return float(np.linalg.norm(wrong, axis=1).mean())


def speed_share(places: np.ndarray, true: np.ndarray, keys: Sequence[int], over: int = 2) -> float:
    """The speed through keys as a share of the true one: 0 stands still there."""
    at = np.array(keys)
    made, should = (
        np.linalg.norm(one[at + over] - one[at - over], axis=1) for one in (places, true)
    )
    return float(made.sum() / should.sum())
