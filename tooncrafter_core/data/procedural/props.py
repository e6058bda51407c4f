"""Things that stand in the scenery: each function draws lots for one and returns how to draw it."""

import math
from collections.abc import Callable

import numpy as np

from .drawing import Brush, Colour
from .palette import Palette
from .textures import mixed

Draw = Callable[[Brush], None]


def cloud(rng: np.random.Generator, x: float, y: float, palette: Palette) -> Draw:
    """A heap of puffs without outlines."""
    r = rng.uniform(0.04, 0.09)
    puffs = [(-1.5, 0.1, 0.7), (-0.6, -0.45, 1.0), (0.6, -0.3, 0.9), (1.5, 0.1, 0.65), (0, 0.2, 1)]

    def draw(brush: Brush) -> None:
        for dx, dy, size in puffs:
            r2 = r * size
            brush.oval(x + dx * r, y + dy * r, r2, r2 * 0.75, palette.cloud, outline=False)

    return draw


def hill(rng: np.random.Generator, x: float, base: float, colour: Colour) -> Draw:
    """A round hill."""
    rx, ry = rng.uniform(0.35, 0.8), rng.uniform(0.1, 0.38)
    tint = mixed(colour, (255, 255, 255), rng.uniform(0, 0.25))
    return lambda brush: brush.oval(x, base + 0.02, rx, ry, tint)


def tree(rng: np.random.Generator, x: float, base: float, palette: Palette) -> Draw:
    """A round tree or a fir."""
    height, crown = rng.uniform(0.2, 0.45), rng.uniform(0.09, 0.16)
    leaves = mixed(palette.leaves, (255, 255, 160), rng.uniform(0, 0.3))
    is_fir = rng.random() < 0.35

    def draw(brush: Brush) -> None:
        brush.box((x - 0.02, base - height, x + 0.02, base + 0.02), palette.wood)
        top = base - height
        if is_fir:
            for i in range(3):
                y, w = top + (i - 0.6) * crown * 0.8, crown * (0.6 + 0.25 * i)
                brush.polygon(
                    [(x - w, y + crown), (x, y - crown * 0.3), (x + w, y + crown)], leaves
                )
        else:
            points = [
                (x + crown * 1.25 * math.cos(a), top - crown * 0.5 + crown * 1.1 * math.sin(a))
                for a in np.linspace(0, 2 * math.pi, 9)[:-1]
            ]
            brush.smooth(points, leaves)
            brush.line([(x - crown * 0.4, top), (x, top + crown * 0.2), (x + crown * 0.3, top)])

    return draw


def house(rng: np.random.Generator, x: float, base: float, palette: Palette) -> Draw:
    """A house with a roof, a door and windows."""
    w, h = rng.uniform(0.14, 0.26), rng.uniform(0.22, 0.5)
    wall = mixed(palette.wall, palette.cloth[rng.integers(6)], rng.uniform(0, 0.35))
    roof = mixed(palette.cloth[rng.integers(6)], palette.far, 0.4)
    glass = (255, 235, 150) if palette.is_night else (205, 230, 240)
    rows = max(1, round((h - 0.16) / 0.13))

    def draw(brush: Brush) -> None:
        brush.box((x - w, base - h, x + w, base), wall)
        points = [(x - w * 1.15, base - h), (x, base - h - w * 0.7), (x + w * 1.15, base - h)]
        brush.polygon(points, roof)
        brush.box((x - 0.045, base - 0.13, x + 0.045, base), palette.wood)
        for row in range(rows):
            for side in (-0.55, 0.55):
                left, top = x + side * w - 0.032, base - h + 0.04 + row * 0.13
                brush.box((left, top, left + 0.064, top + 0.07), glass)

    return draw


def tower(rng: np.random.Generator, x: float, base: float, colour: Colour) -> Draw:
    """A block of flats far away."""
    w, h = rng.uniform(0.08, 0.16), rng.uniform(0.3, 0.65)
    tint = mixed(colour, (255, 255, 255), rng.uniform(0, 0.2))
    return lambda brush: brush.box((x - w, base - h, x + w, base + 0.1), tint)


def lamp(x: float, base: float, palette: Palette) -> Draw:
    """A street lamp."""

    def draw(brush: Brush) -> None:
        brush.box((x - 0.012, base - 0.55, x + 0.012, base + 0.02), palette.wood)
        brush.oval(x, base - 0.57, 0.04, 0.04, (255, 240, 170))

    return draw


def window(rng: np.random.Generator, x: float, y: float, palette: Palette) -> Draw:
    """A window in a wall."""
    w, h = rng.uniform(0.12, 0.2), rng.uniform(0.12, 0.18)

    def draw(brush: Brush) -> None:
        brush.box((x - w, y - h, x + w, y + h), palette.wood)
        brush.box((x - w + 0.02, y - h + 0.02, x - 0.01, y + h - 0.02), palette.sky)
        brush.box((x + 0.01, y - h + 0.02, x + w - 0.02, y + h - 0.02), palette.sky)

    return draw


def picture(rng: np.random.Generator, x: float, y: float, palette: Palette) -> Draw:
    """A framed picture of a hill."""
    w, h = rng.uniform(0.06, 0.11), rng.uniform(0.07, 0.1)

    def draw(brush: Brush) -> None:
        brush.box((x - w, y - h, x + w, y + h), palette.wood)
        brush.box((x - w + 0.018, y - h + 0.018, x + w - 0.018, y + h - 0.018), palette.sky)
        brush.oval(x, y + h * 0.3, w * 0.5, h * 0.4, palette.cloth[4])

    return draw


def shelf(rng: np.random.Generator, x: float, y: float, palette: Palette) -> Draw:
    """A shelf with five books."""
    heights = rng.uniform(0.08, 0.15, 5)
    colours = [mixed(palette.cloth[i], palette.wall, 0.35) for i in rng.integers(0, 6, 5)]

    def draw(brush: Brush) -> None:
        for i, (height, colour) in enumerate(zip(heights, colours, strict=True)):
            left = x - 0.13 + i * 0.05
            brush.box((left, y - height, left + 0.045, y), colour)
        brush.box((x - 0.17, y, x + 0.17, y + 0.025), palette.wood)

    return draw


def bush(rng: np.random.Generator, x: float, palette: Palette) -> Draw:
    """A bush at the lower edge of the picture."""
    r = rng.uniform(0.1, 0.2)
    leaves = mixed(palette.leaves, (20, 60, 40), rng.uniform(0.1, 0.4))
    points = [
        (
            x + r * rng.uniform(1.1, 1.5) * math.cos(a),
            1.02 - r * rng.uniform(0.9, 1.4) * math.sin(a),
        )
        for a in np.linspace(-0.3, math.pi + 0.3, 8)
    ]
    return lambda brush: brush.smooth(points, leaves)


def post(rng: np.random.Generator, x: float, palette: Palette) -> Draw:
    """A trunk or a pillar through the whole picture."""
    w = rng.uniform(0.03, 0.1)
    is_trunk = rng.random() < 0.6
    bark = palette.wood if is_trunk else palette.wall

    def draw(brush: Brush) -> None:
        brush.box((x - w, -1, x + w, 2), bark)
        for y in (0.2, 0.5, 0.75):
            brush.line([(x - w * 0.4, y), (x, y + 0.05), (x - w * 0.2, y + 0.1)])

    return draw


def fence(rng: np.random.Generator, x: float, palette: Palette) -> Draw:
    """A picket fence at the lower edge."""
    count = rng.integers(4, 9)
    paint = mixed(palette.wood, (255, 255, 255), rng.uniform(0.2, 0.8))

    def draw(brush: Brush) -> None:
        brush.box((x - 0.05, 0.8, x + count * 0.1, 0.835), paint)
        for i in range(count):
            p = x + i * 0.1
            sides = [(p - 0.03, 1.1), (p - 0.03, 0.74), (p, 0.7), (p + 0.03, 0.74), (p + 0.03, 1.1)]
            brush.polygon(sides, paint)

    return draw


def crate(rng: np.random.Generator, x: float, palette: Palette) -> Draw:
    """A box at the lower edge."""
    w, h = rng.uniform(0.08, 0.18), rng.uniform(0.15, 0.3)
    colour = mixed(palette.wood, palette.cloth[3], rng.uniform(0, 0.6))

    def draw(brush: Brush) -> None:
        brush.box((x - w, 1.03 - h, x + w, 1.2), colour)
        brush.box((x - w + 0.025, 1.055 - h, x + w - 0.025, 1.2), mixed(colour, (0, 0, 0), 0.15))

    return draw
