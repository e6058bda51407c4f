"""Sees films whose frames are woven of two moments: interlaced and telecined ones.

The lines of such a frame, odd and even, are of two moments, so that what moves has combs. A frame
of one moment has fewer combs than any that is woven of it and a neighbour.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FilmError

# h w space

LEAST = 3
"""Frames with combs, below which a film is not said to be woven."""
SHARE = 0.15
"""Of the frames in which something moves, at least so many have combs; in telecine 2 of 5."""
MOVED = 10
"""Levels by which a pixel changes where something moves."""
COLUMNS = 320
"""That are looked at: combs are found along columns, so that few will do."""
CLEARLY = 1.5
"""How many times more combs count as more."""


def check_fields(path: Path, stretches: Sequence[Sequence[Any]]) -> None:
    """``FilmError`` where decoded frames, stretches of neighbours, have combs.

    Where the stream says that they are interlaced, less is enough.
    """
    is_flagged = any(frame.interlaced_frame for frames in stretches for frame in frames)
    woven = moving = mixed = 0
    for before, now, after in _neighbours(stretches):
        moves = (np.abs(now - before) > MOVED) | (np.abs(now - after) > MOVED)
        if moves.mean() < 0.002:
            continue
        moving += 1
        own = _combs(now, moves)
        others = [
            _combs(_weave(*pair), moves)
            for pair in ((now, before), (before, now), (now, after), (after, now))
        ]
        woven += own > CLEARLY * min(others) + moves.sum()
        mixed += own * CLEARLY > min(others) + moves.sum()
    if woven >= max(LEAST, SHARE * moving) or (is_flagged and mixed >= max(LEAST, moving / 2)):
        raise FilmError(
            f"'{path.name}' is interlaced or telecined: the lines of its frames are of two "
            "moments, which would be learned as combs. Undo it first: ffmpeg -i OLD -vf bwdif NEW "
            "for interlaced video, -vf fieldmatch,decimate for film that was telecined."
        )


def _neighbours(stretches: Sequence[Sequence[Any]]) -> Iterator[Sequence[np.ndarray]]:
    """The brightness of each three frames one after the other."""
    for frames in stretches:
        lights = [_light(frame) for frame in frames if _is_like(frame, frames[0])]
        for start in range(len(lights) - 2):
            yield lights[start : start + 3]


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
