"""Sees films whose frames are woven of two moments: interlaced and telecined ones.

The lines of such a frame, odd and even, are of two moments, so that what moves has combs. How many
is compared with frames that are woven, for the comparison, of it and a neighbour. A single frame
proves little: fine textures have combs of their own, and moving by a line they lose them when
woven. Two facts about time do: of telecined film two frames of every five are woven, the same ones;
of interlaced video the fields that follow each other fit better than those farther apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

# h w space, f frames

MOVED = 10
"""Levels by which a pixel changes where something moves."""
LEAST_MOVING = 0.002
"""Of the pixels change where a frame counts."""
COLUMNS = 320
"""That are looked at: combs are found along columns, so that few will do."""
CLEARLY, LATER = 1.5, 1.2
"""How many times more combs count as more: than a weave that fits, than fields of one distance."""
LEAST = 4
"""Woven frames in a stretch, and moving ones, below which nothing is said of it."""
CYCLE = 5
"""Frames of telecine that are made of four."""
WOVEN_IN_TELECINE = (0.1, 0.6)
"""Of the moving frames: 2 of 5, and 1 of 5 of drawings on twos."""
IN_STEP = 0.8
"""Of the woven frames of telecine lie at two neighbouring places of a cycle; edits move these."""
IN_ORDER, SOME_IN_ORDER = 0.6, 0.3
"""Of the moving frames of interlaced video show the order of fields; the second where as many as
the first are woven at all."""


@dataclass(frozen=True)
class Weave:
    """How the frames of a film are woven."""

    kind: Literal["interlaced", "telecined"]
    top_first: bool
    """Whether the even lines are of the earlier moment."""


@dataclass(frozen=True)
class _Counts:
    """Combs of the moving frames of a stretch, each array of as many."""

    numbers: np.ndarray
    own: np.ndarray
    top_first: np.ndarray
    """``f 2``: of the weaves whose fields follow each other where the top field is the first."""
    bottom_first: np.ndarray
    pixels: np.ndarray
    """How many pixels move."""


def weave_of(stretches: Sequence[Sequence[Any]]) -> Weave | None:
    """How decoded frames, stretches of neighbours, are woven; None where they are not."""
    found = [_judged(_counted(frames)) for frames in stretches]
    seen = [judged for judged in found if judged is not None]
    weaves = [judged for judged in seen if isinstance(judged, Weave)]
    if not weaves:
        return None
    top_first = 2 * sum(weave.top_first for weave in weaves) >= len(weaves)
    # Where other stretches are not telecined, one frame of five would be missing there.
    is_telecined = len(weaves) == len(seen) and all(w.kind == "telecined" for w in weaves)
    return Weave("telecined" if is_telecined else "interlaced", top_first)


def _judged(counts: _Counts) -> Weave | Literal["whole"] | None:
    """How a stretch is woven; None where too little moves to say."""
    numbers, own, few = counts.numbers, counts.own, counts.pixels
    top, bottom = counts.top_first, counts.bottom_first
    if len(numbers) < LEAST:
        return None
    is_woven = own > CLEARLY * np.minimum(top.min(1), bottom.min(1)) + few
    share, places = is_woven.mean(), np.bincount(numbers[is_woven] % CYCLE, minlength=CYCLE)
    in_step = (places + np.roll(places, -1)).max() / max(is_woven.sum(), 1)
    others = len(np.unique(numbers[~is_woven] % CYCLE))
    least, most = WOVEN_IN_TELECINE
    if is_woven.sum() >= LEAST and least <= share <= most and in_step >= IN_STEP and others > 2:
        fits = top.min(1)[is_woven] < bottom.min(1)[is_woven]
        return Weave("telecined", bool(fits.mean() >= 0.5))
    orders = [
        np.mean((own * CLEARLY > near.min(1) + few)
                & (far.mean(1) > LATER * np.maximum(own, near.mean(1)) + few))
        for near, far in ((top, bottom), (bottom, top))
    ]  # fmt: skip
    needed = SOME_IN_ORDER if share >= IN_ORDER and min(orders) == 0 else IN_ORDER
    if max(orders) >= needed:
        return Weave("interlaced", bool(orders[0] > orders[1]))
    return "whole" if is_woven.sum() < LEAST else None


def _counted(frames: Sequence[Any]) -> _Counts:
    """Combs of a stretch's frames, of each that something moves in."""
    lights = [_light(frame) for frame in frames if _is_like(frame, frames[0])]
    rows = []
    for number in range(1, len(lights) - 1):
        before, now, after = lights[number - 1 : number + 2]
        moves = (np.abs(now - before) > MOVED) | (np.abs(now - after) > MOVED)
        if moves.mean() < LEAST_MOVING:
            continue
        pairs = (now, now), (after, now), (now, before), (now, after), (before, now)
        rows.append([number, *(_combs(_weave(*pair), moves) for pair in pairs), moves.sum()])
    table = np.array(rows, dtype=float).reshape(-1, 7)
    return _Counts(table[:, 0].astype(int), table[:, 1], table[:, 2:4], table[:, 4:6], table[:, 6])


def _is_like(frame: Any, other: Any) -> bool:
    return (frame.width, frame.height) == (other.width, other.height)


def _light(frame: Any) -> np.ndarray:
    """The brightness of some columns, ``h w``."""
    light = frame.to_ndarray(format="gray")
    return light[:, :: max(light.shape[1] // COLUMNS, 1)].astype(np.int16)


def _combs(light: np.ndarray, where: np.ndarray) -> float:
    """How far lines lie beyond both of their neighbours, summed where something moves."""
    steps = np.diff(light, axis=0)
    up, down = -steps[:-1], steps[1:]
    beyond = np.minimum(np.abs(up), np.abs(down)) * ((up < 0) == (down < 0))
    return float(beyond[where[1:-1]].sum())


def _weave(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """The even lines of one frame and the odd ones of another."""
    woven = even.copy()
    woven[1::2] = odd[1::2]
    return woven
