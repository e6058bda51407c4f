"""Animals: four legs, wings, and those that hop."""

import math

import numpy as np

from . import motion
from .drawing import WHITE, Brush, Drawing
from .faces import animal_head
from .palette import Palette
from .people import travel
from .textures import mixed


class Quadruped:
    """A dog or a cat that trots; diagonal legs move together, steps follow from the way gone."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        size = rng.uniform(0.3, 0.5)
        self.length, self.thick = size * rng.uniform(0.75, 1.0), size * rng.uniform(0.24, 0.34)
        self.leg, self.limb = size * rng.uniform(0.4, 0.55), size * 0.13
        self.head_r = size * rng.uniform(0.28, 0.36)
        self.head = animal_head(rng, palette, self.head_r)
        self.fur = palette.cloth[0]
        self.patch = mixed(self.fur, (40, 20, 20), 0.4) if rng.random() < 0.5 else None
        self.ground = ground + rng.uniform(0, 0.06)
        self.x0, self.x1 = travel(rng, aspect, rng.uniform(0.35, 0.85))
        self.side = 1.0 if self.x1 > self.x0 else -1.0
        self.step = self.leg * 0.95
        self.tail = rng.uniform(0.5, 0.9) * size

    def draw(self, brush: Brush, u: float) -> None:
        """The animal at a moment."""
        x = motion.lerp(self.x0, self.x1, u)
        phase = abs(x - self.x0) / (2 * self.step)
        bob = 0.06 * self.leg * math.cos(4 * math.pi * phase)
        y = self.ground - self.leg * 0.92 + bob
        half, down = self.length / 2, self.ground - y
        with brush.moved(x, y, sx=self.side):
            far = mixed(self.fur, (20, 10, 50), 0.3)
            self._leg(brush, half * 0.72, down, phase + 0.5, far, "far front foot")
            self._leg(brush, -half * 0.72, down, phase, far, "far hind foot")
            wag = 0.35 * math.sin(2 * math.pi * phase)
            root = (-half, -self.thick * 0.3)
            end = (root[0] - self.tail * 0.6, root[1] - self.tail * (0.6 + 0.4 * wag))
            middle = (root[0] - self.tail * 0.55, root[1] - self.tail * 0.05)
            brush.limb(root, middle, end, self.limb * 0.7, self.fur)
            brush.mark("tail", *end)
            self._leg(brush, half * 0.62, down, phase, self.fur, "near front foot")
            self._leg(brush, -half * 0.82, down, phase + 0.5, self.fur, "near hind foot")
            brush.box((-half * 1.1, -self.thick, half * 1.1, self.thick * 0.55), self.fur,
                      radius=self.thick * 0.75)  # fmt: skip
            if self.patch:
                brush.oval(-half * 0.25, -self.thick * 0.5, half * 0.4, self.thick * 0.35,
                           self.patch, outline=False)  # fmt: skip
            nod = 0.08 * math.sin(4 * math.pi * phase)
            with brush.moved(half * 1.05, -self.thick - self.head_r * 0.45, angle=nod):
                brush.mark("head")
                brush.stamp(self.head)

    def _leg(
        self, brush: Brush, hip: float, down: float, phase: float, colour: tuple[int, int, int],
        name: str,
    ) -> None:  # fmt: skip
        dx, dy = motion.foot(phase, self.step, self.leg * 0.25)
        ankle = (hip + dx, down + dy)
        joint = motion.knee((hip, 0.0), ankle, self.leg * 0.54, self.leg * 0.54, 1.0)
        brush.limb((hip, 0.0), joint, ankle, self.limb, colour)
        brush.oval(ankle[0] + self.limb * 0.25, ankle[1], self.limb * 0.7, self.limb * 0.45, colour)
        brush.mark(name, *ankle)


class Bird:
    """A bird on an arc; its wings beat with the way it flies."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.r = rng.uniform(0.08, 0.15)
        self.x0, self.x1 = travel(rng, aspect, rng.uniform(0.4, 0.95))
        self.side = 1.0 if self.x1 > self.x0 else -1.0
        self.y0, self.y1 = rng.uniform(0.2, 0.5, 2)
        self.arc = rng.uniform(0.06, 0.16)
        self.beat = self.r * rng.uniform(3.5, 5.0)
        self.wing = palette.cloth[1]
        body, beak, r = palette.cloth[0], (250, 180, 50), self.r
        pale = mixed(body, WHITE, 0.55)

        def draw(brush: Brush) -> None:
            brush.polygon([(-0.7 * r, 0), (-1.7 * r, -0.45 * r), (-1.6 * r, 0.3 * r)], self.wing)
            brush.oval(0, 0, 1.05 * r, 0.72 * r, body)
            brush.oval(0.1 * r, 0.32 * r, 0.6 * r, 0.32 * r, pale, outline=False)
            brush.polygon([(1.2 * r, -0.7 * r), (1.95 * r, -0.4 * r), (1.2 * r, -0.2 * r)], beak)
            brush.oval(0.85 * r, -0.5 * r, 0.55 * r, 0.52 * r, body)
            brush.oval(1.0 * r, -0.62 * r, 0.2 * r, 0.24 * r, WHITE)
            brush.dot(1.07 * r, -0.6 * r, 0.1 * r, 0.13 * r)

        self.body = Drawing(draw)

    def draw(self, brush: Brush, u: float) -> None:
        """The bird at a moment."""
        x = motion.lerp(self.x0, self.x1, u)
        y = motion.lerp(self.y0, self.y1, u) + self.arc * 4 * u * (1 - u)
        rise = (self.y1 - self.y0 + self.arc * 4 * (1 - 2 * u)) / abs(self.x1 - self.x0)
        flap = math.cos(2 * math.pi * abs(x - self.x0) / self.beat)
        r = self.r
        with brush.moved(x, y - 0.12 * r * flap, angle=self.side * math.atan(rise) * 0.6,
                         sx=self.side):  # fmt: skip
            brush.mark("body")
            brush.stamp(self.body)
            tip = (-0.9 * r, -1.75 * r * flap)
            points = [(0.45 * r, -0.05 * r), (0.1 * r, -1.1 * r * flap), tip,
                      (-0.75 * r, -0.4 * r * flap), (-0.45 * r, 0.15 * r)]  # fmt: skip
            brush.smooth(points, self.wing)
            brush.mark("wing", *tip)


class Hopper:
    """A round creature that leaps; it is squashed on the ground and drawn out in flight."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.r = rng.uniform(0.12, 0.2)
        self.ground = ground + rng.uniform(0.0, 0.06)
        self.leaps = int(rng.integers(1, 3))
        self.x0, self.x1 = travel(rng, aspect, rng.uniform(0.35, 0.8))
        self.side = 1.0 if self.x1 > self.x0 else -1.0
        # The keyframes may show it in the air; its point on the parabola determines the rest.
        self.begin, self.end = (0.0, 1.0) if rng.random() < 0.6 else (0.22, 0.85)
        self.colour, self.limb = palette.cloth[0], palette.cloth[3]
        self.head = (
            animal_head(rng, palette, self.r) if rng.random() < 0.7 else _blob(palette, self.r)
        )

    def draw(self, brush: Brush, u: float) -> None:
        """The creature at a moment."""
        way = abs(self.x1 - self.x0) / self.leaps
        now = motion.lerp(self.begin, self.end, u) * self.leaps
        number = min(int(max(now, 0.0)), self.leaps - 1)
        gone, up, sx, sy = motion.leap(now - number, way, 0.14)
        x = motion.lerp(self.x0, self.x1, (number + gone) / self.leaps)
        tilt = self.side * 0.3 * (gone - 0.5) * min(up * 12, 1)
        r = self.r
        with brush.moved(x, self.ground - up, angle=tilt, sx=sx, sy=sy):
            tuck = min(up / 0.1, 1.0)
            for foot in (-0.5, 0.5):
                place = (foot * r * (1 + 0.3 * tuck), -0.12 * r + 0.25 * r * tuck)
                brush.oval(*place, 0.42 * r, 0.2 * r, self.limb)
                brush.mark("left foot" if foot < 0 else "right foot", *place)
            for arm in (-1.0, 1.0):
                lift = -0.5 + 1.2 * tuck
                hand = (arm * r * 1.5, -r - lift * 0.8 * r)
                brush.limb((arm * 0.75 * r, -r), (arm * 1.2 * r, -r + 0.1 * r), hand, 0.22 * r,
                           self.colour)  # fmt: skip
                brush.mark("left hand" if arm < 0 else "right hand", *hand)
            with brush.moved(0, -r, sx=self.side):
                brush.mark("body")
                brush.stamp(self.head)


def _blob(palette: Palette, r: float) -> Drawing:
    """A drop with two eyes."""
    colour = palette.cloth[0]

    def draw(brush: Brush) -> None:
        points = [(-1.15 * r, 1.0 * r), (-1.15 * r, -0.4 * r), (-0.3 * r, -1.7 * r),
                  (0.9 * r, -1.1 * r), (1.2 * r, 0.2 * r), (1.0 * r, 1.0 * r)]  # fmt: skip
        brush.smooth(points, colour)
        for x in (0.1, 0.6):
            brush.oval(x * r, -0.35 * r, 0.2 * r, 0.28 * r, WHITE)
            brush.dot((x + 0.07) * r, -0.32 * r, 0.1 * r, 0.14 * r)
        brush.line([(0.05 * r, 0.2 * r), (0.4 * r, 0.45 * r), (0.75 * r, 0.15 * r)])

    return Drawing(draw)
