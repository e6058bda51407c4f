"""Films of one thing on a known path, to measure how motion goes through keys.

The thing is a disc whose colour nothing else in the picture has, in front of a cartoon's scenery,
so that its place can be found again in whatever was drawn between the keys.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...errors import ToonCrafterError
from ..extras import require
from .drawing import Brush, Colour, Look, Point
from .render import render_scene
from .scene import Scene

Course = Callable[[float], Point]
"""From time, 0 to 1, to a place in picture heights of a picture 1.6 wide."""

LEFT, RIGHT = 0.2, 1.4
RADIUS = 0.1
"""Of the disc, in picture heights."""
COLOURS: tuple[Colour, ...] = ((230, 20, 200), (20, 30, 230), (240, 90, 10), (0, 200, 60))
"""One of them is far from everything in any scenery."""


def _across(u: float) -> float:
    return LEFT + (RIGHT - LEFT) * u


def _swing(u: float) -> Point:
    angle = 0.9 * math.cos(2 * math.pi * u)
    return 0.8 + 0.5 * math.sin(angle), 0.1 + 0.5 * math.cos(angle)


MOTIONS: dict[str, Course] = {
    "even": lambda u: (_across(u), 0.35 + 0.2 * u),
    "faster": lambda u: (_across(u * u), 0.5),
    "slower": lambda u: (_across(1 - (1 - u) ** 2), 0.4),
    "throw": lambda u: (_across(u), 0.8 - 2.4 * u * (1 - u)),
    "circle": lambda u: (0.8 + 0.33 * math.cos(1.5 * math.pi * u),
                         0.5 + 0.33 * math.sin(1.5 * math.pi * u)),
    "swing": _swing,
    "wave": lambda u: (_across(u), 0.5 + 0.2 * math.sin(2 * math.pi * u)),
}  # fmt: skip
"""Courses by name: straight at even speed, faster and slower, and bent ones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownFilm:
    """A film of one thing on a known path."""

    frames: np.ndarray
    """``t h w 3``, uint8."""
    places: np.ndarray
    """``t 2``, float32: x and y of the thing's middle in pixels."""
    colour: Colour


class Disc:
    """The thing that moves."""

    def __init__(self, course: Course, colour: Colour, stretch: float) -> None:
        """``stretch`` widens courses to the picture's shape."""
        self.course, self.colour, self.stretch = course, colour, stretch

    def draw(self, brush: Brush, u: float) -> None:
        """The disc at a moment, with a bar that shows if it is torn."""
        x, y = self.course(u)
        x *= self.stretch
        brush.mark("disc", x, y)
        brush.oval(x, y, RADIUS, RADIUS, self.colour)
        reach, thin = RADIUS * 0.5, RADIUS * 0.12
        sides = x - reach, y - thin, x + reach, y + thin
        brush.box(sides, (250, 250, 250), outline=False)


def render_motion(
    motion: str, seed: int, width: int = 256, height: int = 160, num_frames: int = 61
) -> KnownFilm:
    """Draw the film of a motion before the scenery of a seed; the same bits on every run.

    ``ToonCrafterError`` for a motion that is not there, or without the renderer's package.
    """
    check_motion(motion)
    require("skia")
    scene = Scene(seed, width / height, "ball")
    # The camera stands still, and nothing hides the thing.
    scene.pan, scene.zoom = (0.0, 0.0), (1.0, 1.0)
    scene.scenery = replace(scene.scenery, before=())
    scene.figures = []
    backdrop, _ = render_scene(scene, [0.0], width, height, Look.CARTOON)
    colour = max(COLOURS, key=lambda one: nearest_distance(backdrop[0], one))
    scene.figures = [Disc(MOTIONS[motion], colour, width / height / 1.6)]
    moments = [number / max(num_frames - 1, 1) for number in range(num_frames)]
    frames, marks = render_scene(scene, moments, width, height, Look.CARTOON)
    places = np.array([frame[0][1] for frame in marks], dtype=np.float32)
    return KnownFilm(frames=np.ascontiguousarray(frames), places=places, colour=colour)


def check_motion(motion: str) -> None:
    """``ToonCrafterError`` for a motion that is not there."""
    if motion not in MOTIONS:
        raise ToonCrafterError(f"There is no motion '{motion}'; known are {', '.join(MOTIONS)}.")


def nearest_distance(picture: np.ndarray, colour: Colour) -> int:
    """How far the nearest pixel of ``h w 3`` is from a colour, by its worst channel, in levels."""
    return int(np.abs(picture.astype(np.int16) - np.array(colour)).max(-1).min())
