"""Finds dissolves, fades and flashes: changes of a picture that are no cut between two frames.

In a dissolve every frame is a mix of the two pictures at its ends, and the share of the second
grows with time; in a fade one of the two is black or white. What moves is no such mix. A flash is
a few bright frames after which the picture is what it was.
"""

from collections.abc import Iterable, Sequence

import numpy as np

WIDTH, HEIGHT = 40, 26
"""Frames are compared at this size: small motion vanishes, and a pan is still no mix."""
LENGTHS = (6, 8, 12, 16, 24, 32, 48)
"""Frames that a transition is looked for in; a longer one is found by its parts."""
INNER = (0.25, 0.5, 0.75)
"""Where within it frames are compared with the mix."""
LEAST_CHANGE = 12.0
"""Levels, root mean square, between the pictures at both ends of a transition."""
LEAST_AREA = 0.5
"""Share of the picture that changes by a quarter of that or more: in a shot it is the figures."""
MOST_REST = 0.25
"""What the mix may leave over, as a share of the change."""
MOST_LATE = 0.15
"""How far the mix may be from where an even one would be."""
LEAST_PACE = 0.5
"""How fast frames around it must go on changing to be part of a transition, as a share of its
pace."""
LONGEST_FLASH = 6
SAME = 10.0
"""Levels, root mean square, between still frames of one picture before and after a flash."""
BRIGHTER = 20.0
"""Levels of the mean by which a flash is brighter than both."""

BLOCK = 1000
"""Frames that are looked at together; more would only take memory."""

Span = tuple[int, int]
"""The first frame, and the first one after."""


def reduced(frame: np.ndarray) -> np.ndarray:
    """A frame ``h w 3`` of levels at the size at which frames are compared."""
    height, width = frame.shape[:2]
    rows = np.linspace(0, height, HEIGHT + 1).astype(int)[:-1]
    columns = np.linspace(0, width, WIDTH + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(frame.astype(np.float32), rows, 0), columns, 1)
    areas = np.add.reduceat(np.add.reduceat(np.ones((height, width, 1)), rows, 0), columns, 1)
    return (sums / areas).round().astype(np.uint8)


def find_transitions(frames: Sequence[np.ndarray]) -> list[Span]:
    """The frames of every dissolve and fade in reduced frames, their ends not included."""
    found = []
    for begin in range(0, len(frames), BLOCK):
        part = frames[begin : begin + BLOCK + LENGTHS[-1]]
        stack = np.stack(list(part)).reshape(len(part), -1).astype(np.float32)
        found += [
            _stretched(stack, start, start + length, begin)
            for length in LENGTHS
            if length < len(stack)
            for start in map(int, np.flatnonzero(_mixes(stack, length)))
        ]
    return _joined(found)


def _mixes(stack: np.ndarray, length: int) -> np.ndarray:
    """Of each frame, whether what follows is a mix of it and the frame ``length`` later."""
    first, change = stack[:-length], stack[length:] - stack[:-length]
    size = np.sqrt((change**2).mean(1))
    energy = np.maximum((change**2).sum(1), 1e-6)
    area = (np.abs(change) > np.maximum(size, LEAST_CHANGE)[:, None] / 4).mean(1)
    is_mix = (size >= LEAST_CHANGE) & (area >= LEAST_AREA)
    for place in INNER:
        offset = round(place * length)
        inner = stack[offset : offset + len(first)] - first
        share = (inner * change).sum(1) / energy
        rest = np.sqrt(((inner - share[:, None] * change) ** 2).mean(1))
        is_mix &= (rest <= MOST_REST * size) & (np.abs(share - offset / length) <= MOST_LATE)
    return is_mix


def _stretched(stack: np.ndarray, start: int, last: int, begin: int) -> Span:
    """A transition with the frames around it that go on changing the same way.

    Counted from ``begin`` frames before the stack.
    """
    change = stack[last] - stack[start]
    share = ((stack - stack[start]) @ change) / max(float(change @ change), 1e-6)
    step = LEAST_PACE / (last - start)
    while start > 0 and share[start - 1] <= share[start] - step:
        start -= 1
    while last < len(stack) - 1 and share[last + 1] >= share[last] + step:
        last += 1
    return begin + start + 1, begin + last


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans that touch, as one."""
    joined: list[Span] = []
    for first, end in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return joined


def is_flash(frames: Sequence[np.ndarray], cut: int) -> bool:
    """Whether the picture before a cut is there again a few brighter frames later."""
    if not 0 < cut < len(frames):
        return False
    before = frames[cut - 1].astype(np.float32)
    # What moves goes on meanwhile.
    pace = _distance(before, frames[cut - 2]) if cut > 1 else 0.0
    for after in range(cut + 1, min(cut + LONGEST_FLASH + 1, len(frames))):
        if _distance(before, frames[after]) <= SAME + pace * (after - cut + 1):
            brightest = max(float(frame.mean()) for frame in frames[cut:after])
            return brightest >= max(before.mean(), frames[after].mean()) + BRIGHTER
    return False


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(((one.astype(np.float32) - other) ** 2).mean()))


def shots_between(first: int, end: int, cuts: Iterable[int], spans: Sequence[Span]) -> list[Span]:
    """The frames from one cut or transition to the next; cuts within a transition are of it."""
    inside = sorted(
        cut
        for cut in set(cuts)
        if first < cut < end and not any(a - 1 <= cut <= b + 1 for a, b in spans)
    )
    borders = sorted([*((cut, cut) for cut in inside), *spans])
    starts = [first, *(b for _, b in borders)]
    ends = [*(a for a, _ in borders), end]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if b > a]
