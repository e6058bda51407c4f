"""Where a clip takes place: layers behind and in front of the figures.

Lengths are in picture heights. A layer's depth says how much of the camera's way it follows:
1 is the plane of the figures, less is farther, more is nearer.
"""

import math
from dataclasses import dataclass

import numpy as np

from . import props
from .drawing import Brush, Colour, Drawing
from .palette import Palette
from .props import Draw
from .textures import mixed

MARGIN = 0.7
"""How far the scenery goes on outside the picture, for the camera to move."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Shapes that the camera moves as one."""

    drawing: Drawing
    depth: float


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """Everything in a clip that stands still in its world."""

    behind: tuple[Layer, ...]
    before: tuple[Layer, ...]
    ground: float
    """The y on which figures stand."""


def make_scenery(rng: np.random.Generator, palette: Palette, aspect: float) -> Scenery:
    """Draw lots for a place: outdoors, in town or in a room."""
    ground = rng.uniform(0.78, 0.9)
    kind = rng.choice(["meadow", "town", "room"], p=[0.45, 0.3, 0.25])
    build = {"meadow": _meadow, "town": _town, "room": _room}[kind]
    behind = build(rng, palette, aspect, ground)
    before = _foreground(rng, palette, aspect, kind) if rng.random() < 0.6 else ()
    return Scenery(behind=behind, before=before, ground=ground)


def _layer(depth: float, *draws: Draw) -> Layer:
    def draw(brush: Brush) -> None:
        for one in draws:
            one(brush)

    return Layer(drawing=Drawing(draw), depth=depth)


def _meadow(
    rng: np.random.Generator, palette: Palette, aspect: float, ground: float
) -> tuple[Layer, ...]:
    horizon = ground - rng.uniform(0.04, 0.12)
    hills = [props.hill(rng, x, horizon, palette.far) for x in _spread(rng, aspect, 0.7)]
    trees = [
        props.tree(rng, x, horizon + rng.uniform(0, 0.05), palette)
        for x in _spread(rng, aspect, 0.45)
    ]
    house = [props.house(rng, rng.uniform(0, aspect), horizon + 0.02, palette)] * int(
        rng.random() < 0.5
    )
    return (
        _layer(0.0, _flat(palette.sky), *_sky(rng, palette, aspect)),
        _layer(0.25, *hills),
        _layer(0.6, _floor(horizon, palette.middle), *house, *trees),
        _layer(1.0, _floor(ground, palette.ground), *_tufts(rng, palette, aspect, ground)),
    )


def _town(
    rng: np.random.Generator, palette: Palette, aspect: float, ground: float
) -> tuple[Layer, ...]:
    street = ground - rng.uniform(0.03, 0.08)
    far = [props.tower(rng, x, street, palette.far) for x in _spread(rng, aspect, 0.28)]
    near = [props.house(rng, x, street, palette) for x in _spread(rng, aspect, 0.6)]
    lamps = [props.lamp(x, ground, palette) for x in _spread(rng, aspect, 1.1)]
    return (
        _layer(0.0, _flat(palette.sky), *_sky(rng, palette, aspect)),
        _layer(0.35, *far),
        _layer(0.75, *near, _floor(street, mixed(palette.wall, (120, 120, 120), 0.4))),
        _layer(1.0, _floor(ground, palette.ground), *lamps),
    )


def _room(
    rng: np.random.Generator, palette: Palette, aspect: float, ground: float
) -> tuple[Layer, ...]:
    edge = ground - rng.uniform(0.04, 0.12)
    stripes = rng.random() < 0.35
    width = rng.uniform(0.08, 0.16)
    pale = mixed(palette.wall, (255, 255, 255), 0.25)

    def wall(brush: Brush) -> None:
        brush.canvas.clear(brush.inside(palette.wall, brush.skia.Rect.MakeWH(1, 1)).getColor4f())
        brush.box((-3, -3, 6, edge), palette.wall, outline=False)
        if stripes:
            for i in range(round((aspect + 2 * MARGIN) / width / 2)):
                left = -MARGIN + 2 * i * width
                brush.box((left, -1, left + width, edge), pale, outline=False)
        brush.box((-3, edge - 0.035, 6, edge), mixed(palette.wood, pale, 0.3))
        brush.box((-3, edge, 6, 3), palette.ground)

    makers = [props.window, props.picture, props.shelf]
    things = [
        makers[rng.integers(3)](rng, x, rng.uniform(0.2, 0.36), palette)
        for x in _spread(rng, aspect, 0.62)
    ]
    return (_layer(0.8, wall, *things),)


def _foreground(
    rng: np.random.Generator, palette: Palette, aspect: float, kind: str
) -> tuple[Layer, ...]:
    """One to three things that hide the figures for a while."""
    draws = []
    for _ in range(rng.integers(1, 4)):
        x = rng.uniform(0.1, aspect - 0.1)
        if kind == "room":
            draws.append(props.crate(rng, x, palette))
        else:
            makers = [props.bush, props.post, props.fence, props.crate]
            draws.append(makers[rng.choice(4, p=[0.35, 0.3, 0.2, 0.15])](rng, x, palette))
    return (_layer(1.2, *draws),)


def _spread(rng: np.random.Generator, aspect: float, spacing: float) -> list[float]:
    """Places along the picture and beyond, unevenly spaced; some stay empty."""
    count = math.ceil((aspect + 2 * MARGIN) / spacing)
    places = [-MARGIN + (i + rng.uniform(0.15, 0.85)) * spacing for i in range(count)]
    return [x for x in places if rng.random() < 0.75]


def _flat(colour: Colour) -> Draw:
    return lambda brush: brush.box((-3, -3, 6, 4), colour, outline=False)


def _floor(y: float, colour: Colour) -> Draw:
    return lambda brush: brush.box((-3, y, 6, 4), colour)


def _sky(rng: np.random.Generator, palette: Palette, aspect: float) -> list[Draw]:
    """Clouds, and a sun or a moon with stars."""
    draws: list[Draw] = []
    if palette.is_night:
        stars = [(rng.uniform(0, aspect), rng.uniform(0.02, 0.5)) for _ in range(14)]
        draws += [lambda b, s=s: b.oval(*s, 0.006, 0.006, (250, 245, 210), False) for s in stars]
    if rng.random() < 0.55:
        x, y, r = rng.uniform(0.1, aspect - 0.1), rng.uniform(0.1, 0.28), rng.uniform(0.05, 0.1)
        colour = (250, 240, 200) if palette.is_night else (255, 225, 90)
        draws.append(lambda b: b.oval(x, y, r, r, colour))
    for _ in range(rng.integers(0, 4)):
        draws.append(props.cloud(rng, rng.uniform(0, aspect), rng.uniform(0.08, 0.4), palette))
    return draws


def _tufts(rng: np.random.Generator, palette: Palette, aspect: float, ground: float) -> list[Draw]:
    blade = mixed(palette.ground, palette.leaves, 0.6)
    places = [(x, ground + rng.uniform(0.03, 0.12)) for x in _spread(rng, aspect, 0.35)]
    outline = [(-0.03, 0.0), (-0.03, -0.03), (0.0, 0.0), (0.03, -0.035), (0.03, 0.0)]
    tufts = [[(x + dx, y + dy) for dx, dy in outline] for x, y in places]
    return [lambda brush, points=points: brush.polygon(points, blade) for points in tufts]
