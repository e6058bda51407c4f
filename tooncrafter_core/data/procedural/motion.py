"""Motion curves: gaits, leaps, swings. Every curve is given by its two ends.

``u`` runs from 0 at the first frame to 1 at the last; lengths in picture heights, y down.
"""

import math

from .drawing import Point


def lerp(a: float, b: float, u: float) -> float:
    """The value at ``u`` of the way from ``a`` to ``b``."""
    return a + (b - a) * u


def smooth(u: float) -> float:
    """Slow at both ends."""
    u = min(max(u, 0.0), 1.0)
    return u * u * (3 - 2 * u)


def pendulum(u: float) -> float:
    """From 1 to -1 as a free swing does: half a period."""
    return math.cos(math.pi * u)


def foot(phase: float, step: float, lift: float) -> Point:
    """Where a foot is under the hip, from the share of its cycle gone.

    For half a cycle it stands: it moves back exactly as fast as a body that advances two steps a
    cycle moves on, so it does not slide. For the other half it swings forward in an arc.
    """
    phase %= 1.0
    if phase < 0.5:
        return step * (0.5 - 2 * phase), 0.0
    swing = 2 * phase - 1
    return step * (smooth(swing) - 0.5), -lift * math.sin(math.pi * swing)


def knee(hip: Point, ankle: Point, upper: float, lower: float, bend: float) -> Point:
    """The joint between two bones; ``bend`` is 1 or -1, the side it sticks out on."""
    dx, dy = ankle[0] - hip[0], ankle[1] - hip[1]
    distance = min(max(math.hypot(dx, dy), 1e-6), (upper + lower) * 0.999)
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    out = bend * math.sqrt(max(upper**2 - along**2, 0.0))
    dx, dy = dx / math.hypot(dx, dy), dy / math.hypot(dx, dy)
    return hip[0] + dx * along + dy * out, hip[1] + dy * along - dx * out


def leap(u: float, length: float, rest: float) -> tuple[float, float, float, float]:
    """One leap in u from 0 to 1: the share of the way, the height, and the stretch in x and y.

    It crouches for ``rest``, flies a parabola whose height follows from ``length`` alone, and
    lands. The stretch keeps the area: squashed on the ground, drawn out when fast.
    """
    height = leap_height(length)
    flight = (u - rest) / (1 - 2 * rest)
    if flight <= 0 or flight >= 1:
        near = u / rest if flight <= 0 else (1 - u) / rest
        squash = 1 - 0.28 * math.sin(math.pi * min(max(near, 0.0), 1.0))
        return (0.0 if flight <= 0 else 1.0), 0.0, 1 / squash, squash
    up = 4 * flight * (1 - flight) * height
    stretch = 1 + 0.2 * abs(1 - 2 * flight) * math.sin(math.pi * flight) * 2
    return flight, up, 1 / stretch, stretch


def leap_height(length: float) -> float:
    """How high a leap of a length goes."""
    return 0.12 + 0.35 * abs(length)


def bounce(u: float, count: int, height: float) -> tuple[float, float]:
    """A ball that touches the ground at 0, 1 / count, ... 1: its height and squash.

    The squash is 1 in the air and less for a moment around each touch.
    """
    share = (u * count) % 1.0
    up = 4 * share * (1 - share) * height
    touch = min(share, 1 - share) * 2
    return up, 1 - 0.3 * max(0.0, 1 - touch / 0.22)
