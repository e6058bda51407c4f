"""Heads of people and animals, facing right; their middle is at the origin."""

import math

import numpy as np

from .drawing import WHITE, Brush, Drawing
from .palette import Palette
from .textures import mixed


def person_head(rng: np.random.Generator, palette: Palette, r: float) -> Drawing:
    """A head of radius ``r`` seen from the side and a little from the front."""
    wide, tall = rng.uniform(0.9, 1.05), rng.uniform(0.95, 1.15)
    eye, hair, hat = rng.uniform(0.2, 0.3), rng.integers(4), rng.random() < 0.35
    nose, smile = rng.uniform(0.12, 0.26), rng.uniform(-0.05, 0.25)
    skin, locks, cloth = palette.skin, palette.hair, palette.cloth[2]

    def draw(brush: Brush) -> None:
        if hair == 1:  # long hair behind
            brush.smooth(_ring(-0.25 * r, 0.25 * r, 1.05 * r, 1.25 * r, 8), locks)
        brush.oval(0, 0, wide * r, tall * r, skin)
        brush.oval(-0.5 * r, 0.15 * r, 0.17 * r, 0.22 * r, skin)
        if hair != 3:
            points = [(-1.15, 0.1), (-1.1, -0.8), (-0.4, -1.35), (0.5, -1.25), (1.0, -0.6),
                      (0.35, -0.75), (-0.35, -0.5), (-0.7, 0.0)]  # fmt: skip
            if hair == 2:
                points[3:5] = [(0.2, -1.9), (0.75, -1.1), (1.05, -0.7)]
            brush.smooth([(x * r, y * r) for x, y in points], locks)
        if hat:
            brush.smooth(
                [(-r, -0.45 * r), (-0.9 * r, -1.7 * r), (0.9 * r, -1.7 * r), (r, -0.45 * r)], cloth
            )
            brush.box((-1.05 * r, -0.8 * r, 1.45 * r, -0.6 * r), cloth, radius=0.08 * r)
        _eyes(brush, 0.3 * r, -0.1 * r, eye * r, 0.55)
        brush.oval(0.78 * r, 0.2 * r, nose * r, nose * 0.85 * r, mixed(skin, (255, 90, 80), 0.2))
        mouth = [(0.15 * r, 0.55 * r), (0.45 * r, (0.6 + smile) * r), (0.75 * r, 0.5 * r)]
        brush.line(mouth)

    return Drawing(draw)


def animal_head(rng: np.random.Generator, palette: Palette, r: float) -> Drawing:
    """The head of a cat, dog, bear or rabbit, with a snout to the right."""
    ears, fur = rng.integers(4), palette.cloth[0]
    pale, eye = mixed(fur, WHITE, 0.65), rng.uniform(0.2, 0.28)

    def draw(brush: Brush) -> None:
        for side in (-0.75, 0.25):
            x = side * r
            if ears == 0:
                points = [(x - 0.3 * r, -0.5 * r), (x, -1.5 * r), (x + 0.45 * r, -0.7 * r)]
                brush.polygon(points, fur)
            elif ears == 1:
                brush.oval(x + 0.1 * r, -0.85 * r, 0.36 * r, 0.36 * r, fur)
            elif ears == 2:
                brush.oval(x + 0.15 * r, -1.4 * r, 0.2 * r, 0.75 * r, fur)
        brush.oval(0, 0, r, 0.95 * r, fur)
        if ears == 3:
            brush.oval(-0.75 * r, 0.2 * r, 0.28 * r, 0.65 * r, mixed(fur, (0, 0, 0), 0.35))
        brush.oval(0.62 * r, 0.32 * r, 0.55 * r, 0.42 * r, pale)
        _eyes(brush, 0.22 * r, -0.2 * r, eye * r, 0.5)
        brush.dot(1.0 * r, 0.12 * r, 0.17 * r, 0.13 * r)
        brush.line([(0.35 * r, 0.48 * r), (0.65 * r, 0.68 * r), (0.95 * r, 0.46 * r)])

    return Drawing(draw)


def _eyes(brush: Brush, x: float, y: float, r: float, gap: float) -> None:
    """Two eyes that look to the right."""
    for dx in (-gap * 1.1 * r, gap * 1.5 * r):
        brush.oval(x + dx, y, r * 0.8, r * 1.15, WHITE)
        brush.dot(x + dx + 0.25 * r, y + 0.1 * r, 0.34 * r, 0.5 * r)


def _ring(x: float, y: float, rx: float, ry: float, count: int) -> list[tuple[float, float]]:
    """Points around an ellipse."""
    turns = (2 * math.pi * i / count for i in range(count))
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in turns]


class Portrait:
    """A face that turns from one side to the other; what is nearer moves more, as on a ball."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.palette = palette
        self.r = rng.uniform(0.27, 0.36)
        self.x, self.y = rng.uniform(0.35, 0.65) * aspect, rng.uniform(0.42, 0.52)
        side = rng.choice([-1.0, 1.0])
        self.yaw = (side * rng.uniform(0.35, 0.8), -side * rng.uniform(0.15, 0.8))
        self.pitch = (rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3))
        self.mouth = (rng.uniform(0, 0.18), rng.uniform(0, 0.18))
        self.shift = rng.uniform(-0.12, 0.12)
        self.eye, self.tall = rng.uniform(0.17, 0.24), rng.uniform(1.0, 1.18)
        self.hair = rng.integers(3)
        self.blink = rng.random() < 0.2

    def draw(self, brush: Brush, u: float) -> None:
        """The bust at a moment."""
        share = u * u * (3 - 2 * u)
        yaw = self.yaw[0] + (self.yaw[1] - self.yaw[0]) * share
        pitch = self.pitch[0] + (self.pitch[1] - self.pitch[0]) * share
        r, palette = self.r, self.palette
        x = self.x + self.shift * share + 0.25 * r * math.sin(yaw)
        y = self.y + 0.12 * r * math.sin(pitch)
        shoulder = y + 1.35 * r
        body = [(-2.1, 3.5), (-1.9, 0.35), (-0.8, -0.2), (0.8, -0.2), (1.9, 0.35), (2.1, 3.5)]
        base = self.x + self.shift * share
        if self.hair == 1:
            with brush.moved(x - 0.2 * r * math.sin(yaw), y + 0.3 * r):
                brush.smooth(_ring(0, 0, 1.3 * r, 1.5 * r, 8), palette.hair)
        brush.smooth([(base + a * r * 0.9, shoulder + b * r) for a, b in body], palette.cloth[0])
        with brush.moved(x, y):
            brush.mark("head")
            self._face(brush, yaw, pitch, self.mouth[0] + (self.mouth[1] - self.mouth[0]) * share)

    def _face(self, brush: Brush, yaw: float, pitch: float, mouth: float) -> None:
        r, palette = self.r, self.palette

        def on_ball(turn: float, up: float) -> tuple[float, float, float]:
            """Place and width of what sits at an angle on the face."""
            angle = turn + yaw
            y = self.tall * math.sin(up + pitch)
            return r * math.sin(angle) * 0.92, r * y, max(math.cos(angle), 0.15)

        for turn in (-1.45, 1.45):
            ear_x, ear_y, _ = on_ball(turn, 0.1)
            if math.cos(turn + yaw) > -0.35:
                brush.oval(ear_x * 1.08, ear_y, 0.2 * r, 0.27 * r, palette.skin)
        brush.oval(0, 0, r, self.tall * r, palette.skin)
        for name, turn in (("left eye", -0.38), ("right eye", 0.38)):
            ex, ey, width = on_ball(turn, -0.05)
            brush.oval(ex, ey, self.eye * r * width * 1.15, self.eye * r * 1.3, WHITE)
            look = 0.3 * self.eye * r * math.sin(yaw)
            brush.dot(ex + look, ey, self.eye * r * width * 0.55, self.eye * r * 0.7)
            brush.mark(name, ex, ey)
            bx, by, _ = on_ball(turn, -0.42)
            arc = 0.22 * r * width
            brush.line([(bx - arc, by + 0.03 * r), (bx, by - 0.06 * r), (bx + arc, by + 0.03 * r)])
        nx, ny, _ = on_ball(0.0, 0.22)
        brush.oval(nx * 1.18, ny, 0.11 * r, 0.1 * r, mixed(palette.skin, (255, 90, 80), 0.25))
        mx, my, width = on_ball(0.0, 0.58)
        inside = mixed(palette.cloth[4], (90, 10, 20), 0.75)
        brush.oval(mx, my, 0.3 * r * width, (0.03 + mouth) * r, inside)
        fringe = [
            (-1.12, 0.0),
            (-1.1, -0.9),
            (-0.4, -1.5),
            (0.5, -1.45),
            (1.15, -0.8),
            (1.1, 0.0),
            (0.75, -0.72),
            (0.3, -0.62),
            (-0.1, -0.82),
            (-0.5, -0.62),
            (-0.85, -0.7),
        ]
        sway = 0.3 * math.sin(yaw)
        points = [
            (px * r + (sway * r if i > 5 else 0), py * self.tall * r + 0.25 * r * math.sin(pitch))
            for i, (px, py) in enumerate(fringe)
        ]  # fmt: skip
        brush.smooth(points, palette.hair)
