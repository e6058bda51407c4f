"""Things that roll, bounce, swing and turn."""

import math

import numpy as np

from . import motion
from .drawing import Brush, Drawing
from .faces import animal_head, person_head
from .palette import Palette
from .people import travel
from .textures import mixed


class Ball:
    """A striped ball that bounces; it turns and squashes with the ground it meets."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.r = rng.uniform(0.06, 0.12)
        self.ground = ground + rng.uniform(0.0, 0.08)
        self.x0, self.x1 = travel(rng, aspect, rng.uniform(0.4, 0.95))
        self.count = int(rng.integers(1, 4))
        self.height = motion.leap_height(abs(self.x1 - self.x0) / self.count)
        r, one, two = self.r, palette.cloth[0], palette.cloth[2]

        def draw(brush: Brush) -> None:
            brush.oval(0, 0, r, r, one)
            brush.smooth([(-r, -0.4 * r), (0, -0.15 * r), (r, -0.4 * r),
                          (r, 0.4 * r), (0, 0.15 * r), (-r, 0.4 * r)], two)  # fmt: skip
            brush.oval(0, -0.62 * r, 0.2 * r, 0.2 * r, two)

        self.skin = Drawing(draw)

    def draw(self, brush: Brush, u: float) -> None:
        """The ball at a moment."""
        x = motion.lerp(self.x0, self.x1, u)
        up, squash = motion.bounce(u, self.count, self.height)
        with brush.moved(x, self.ground - up, sx=1 / squash, sy=squash):
            brush.mark("ball", 0, -self.r)
            with brush.moved(0, -self.r, angle=(x - self.x0) / self.r / 2):
                brush.stamp(self.skin)


class Cart:
    """A car with a driver; its wheels turn with the way."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.s = rng.uniform(0.16, 0.26)
        self.wheel = self.s * rng.uniform(0.32, 0.45)
        self.ground = ground + rng.uniform(0.0, 0.08)
        self.x0, self.x1 = travel(rng, aspect, rng.uniform(0.35, 0.9))
        self.side = 1.0 if self.x1 > self.x0 else -1.0
        make_head = animal_head if rng.random() < 0.5 else person_head
        self.head_r = self.s * 0.42
        self.head = make_head(rng, palette, self.head_r)
        s, paint, hub = self.s, palette.cloth[3], palette.cloth[1]
        self.tyre = mixed(palette.ink, (70, 70, 80), 0.5)
        is_truck = rng.random() < 0.4

        def body(brush: Brush) -> None:
            if is_truck:
                brush.box((-1.5 * s, -0.85 * s, 0.3 * s, 0.1 * s), hub, radius=0.06 * s)
                brush.box((0.2 * s, -0.45 * s, 1.4 * s, 0.1 * s), paint, radius=0.15 * s)
            else:
                brush.smooth([(-1.7 * s, 0.3 * s), (-1.5 * s, -0.65 * s), (-0.2 * s, -0.5 * s),
                              (0.6 * s, -0.5 * s), (1.8 * s, -0.45 * s), (1.7 * s, 0.3 * s)],
                             paint)  # fmt: skip
            brush.oval(1.3 * s, -0.2 * s, 0.13 * s, 0.13 * s, (255, 245, 180))

        def wheel(brush: Brush) -> None:
            r = self.wheel
            brush.oval(0, 0, r, r, self.tyre)
            brush.oval(0, 0, 0.62 * r, 0.62 * r, hub)
            for i in range(3):
                a = 2 * math.pi * i / 3
                brush.limb((0, 0), (0.25 * r * math.cos(a), 0.25 * r * math.sin(a)),
                           (0.5 * r * math.cos(a), 0.5 * r * math.sin(a)), 0.2 * r,
                           paint if i else (250, 250, 250))  # fmt: skip

        self.body, self.spokes = Drawing(body), Drawing(wheel)
        self.seat = 0.55 * s if is_truck else -0.1 * s

    def draw(self, brush: Brush, u: float) -> None:
        """The car at a moment."""
        x = motion.lerp(self.x0, self.x1, u)
        turn = abs(x - self.x0) / self.wheel
        bump = 0.03 * self.s * math.sin(2 * turn)
        with brush.moved(x, self.ground - self.wheel, sx=self.side):
            with brush.moved(0, -bump):
                with brush.moved(self.seat, -0.6 * self.s - self.head_r * 0.55):
                    brush.mark("head")
                    brush.stamp(self.head)
                brush.stamp(self.body)
            for place, name in ((-0.85, "rear wheel"), (0.9, "front wheel")):
                with brush.moved(place * self.s, 0, angle=turn):
                    brush.stamp(self.spokes)
                    brush.mark(name, self.wheel * 0.8, 0)


class Swing:
    """Someone who hangs on a rope from a branch and swings to the other side."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.x, self.y = rng.uniform(0.35, 0.65) * aspect, rng.uniform(0.02, 0.08)
        self.rope = rng.uniform(0.42, 0.58)
        self.angle = rng.uniform(0.45, 0.95) * rng.choice([-1.0, 1.0])
        self.r = rng.uniform(0.09, 0.14)
        make_head = animal_head if rng.random() < 0.6 else person_head
        self.head = make_head(rng, palette, self.r)
        self.shirt, self.trousers = palette.cloth[3], palette.cloth[1]
        self.wood = palette.wood

    def draw(self, brush: Brush, u: float) -> None:
        """The swing at a moment; legs and head trail behind."""
        angle = self.angle * motion.pendulum(u)
        trail = -0.45 * self.angle * math.sin(math.pi * u)
        r, seat = self.r, self.rope
        brush.box((-3, self.y - 0.05, 6, self.y), self.wood)
        with brush.moved(self.x, self.y, angle=angle):
            for side in (-0.55, 0.55):
                brush.line([(side * r, 0), (side * r, seat)])
            for side in (-0.35, 0.35):
                toe = (side * r + 0.9 * r * math.sin(trail), seat + 1.25 * r * math.cos(trail))
                joint = (side * r, seat + 0.6 * r)
                brush.limb((side * r, seat), joint, toe, 0.3 * r, self.trousers)
                brush.mark("left foot" if side < 0 else "right foot", *toe)
            brush.box((-0.75 * r, seat - 0.04 * r, 0.75 * r, seat + 0.14 * r), self.wood)
            brush.oval(0, seat - 0.55 * r, 0.5 * r, 0.62 * r, self.shirt)
            with brush.moved(0, seat - 1.8 * r, angle=trail * 0.5, sx=math.copysign(1, self.angle)):
                brush.mark("head")
                brush.stamp(self.head)


class Windmill:
    """Sails of different colours that turn by less than half a turn, so the way is clear."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.size = rng.uniform(0.2, 0.32)
        self.x, self.y = rng.uniform(0.25, 0.75) * aspect, ground - rng.uniform(0.4, 0.5)
        self.ground = ground
        self.begin = rng.uniform(0, 2 * math.pi)
        self.turn = rng.uniform(0.6, 2.4) * rng.choice([-1.0, 1.0])
        count, size, colours = rng.integers(3, 6), self.size, palette.cloth
        self.wall = palette.wall
        self.count = count

        def sails(brush: Brush) -> None:
            for i in range(count):
                with brush.moved(angle=2 * math.pi * i / count):
                    points = [(0, -0.02), (size, -0.08), (size, 0.06), (0, 0.02)]
                    brush.polygon(points, colours[i % 5])
            brush.oval(0, 0, 0.035, 0.035, colours[5])

        self.sails = Drawing(sails)

    def draw(self, brush: Brush, u: float) -> None:
        """The mill at a moment."""
        w = self.size * 0.35
        low = self.ground + 0.02
        brush.polygon([(self.x - w * 1.5, low), (self.x - w, self.y - w * 0.4),
                       (self.x + w, self.y - w * 0.4), (self.x + w * 1.5, low)],
                      self.wall)  # fmt: skip
        with brush.moved(self.x, self.y, angle=self.begin + self.turn * motion.smooth(u)):
            brush.stamp(self.sails)
            for i in range(self.count):
                angle = 2 * math.pi * i / self.count
                brush.mark(
                    f"sail {i + 1}", self.size * math.cos(angle), self.size * math.sin(angle)
                )
