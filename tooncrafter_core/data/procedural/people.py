"""People: they walk, and they act between two poses."""

import math

import numpy as np

from . import motion
from .drawing import Brush, Colour
from .faces import animal_head, person_head
from .palette import Palette
from .textures import mixed


class Body:
    """The sizes and colours of a person, or of an animal that walks upright."""

    def __init__(self, rng: np.random.Generator, palette: Palette, size: float) -> None:
        is_animal = rng.random() < 0.35
        make_head = animal_head if is_animal else person_head
        self.head_r = size * rng.uniform(0.15, 0.21)
        self.head = make_head(rng, palette, self.head_r)
        self.torso = size * rng.uniform(0.28, 0.34)
        self.width = size * rng.uniform(0.1, 0.17)
        self.leg = size * rng.uniform(0.28, 0.36)
        self.arm = size * rng.uniform(0.27, 0.34)
        self.limb = size * rng.uniform(0.06, 0.09)
        self.skin = palette.cloth[0] if is_animal else palette.skin
        self.shirt, self.trousers, self.shoe = palette.cloth[3], palette.cloth[1], palette.cloth[5]
        self.is_pear = rng.random() < 0.5

    def draw_torso(self, brush: Brush, stretch: float = 1.0) -> None:
        """The trunk, standing on the origin."""
        w, h = self.width / math.sqrt(stretch), self.torso * stretch
        top, low = (0.75, 1.25) if self.is_pear else (1.15, 0.95)
        points = [(-w * low, 0.12 * h), (-w * low * 1.1, -0.3 * h), (-w * top, -1.15 * h),
                  (w * top, -1.15 * h), (w * low * 1.1, -0.3 * h), (w * low, 0.12 * h)]  # fmt: skip
        brush.smooth(points, self.shirt)

    def draw_leg(
        self, brush: Brush, hip: tuple[float, float], foot: tuple[float, float], name: str,
        facing: float = 1.0, is_far: bool = False,
    ) -> None:  # fmt: skip
        """A leg with its shoe; ``facing`` 0 is towards the camera."""
        colour = _behind(self.trousers) if is_far else self.trousers
        side = facing if facing else math.copysign(1.0, foot[0] - hip[0] or 1.0)
        bend = motion.knee(hip, foot, self.leg * 0.54, self.leg * 0.54, -side)
        brush.limb(hip, bend, foot, self.limb * 1.15, colour)
        shoe = self.limb
        x = foot[0] + 0.6 * shoe * (facing or 0.4 * side)
        colour = _behind(self.shoe) if is_far else self.shoe
        brush.oval(x, foot[1] - 0.1 * shoe, 1.15 * shoe, 0.65 * shoe, colour)
        brush.mark(name, foot[0], foot[1])

    def draw_arm(
        self, brush: Brush, shoulder: tuple[float, float], angle: float, bend: float, name: str,
        is_far: bool = False,
    ) -> None:  # fmt: skip
        """An arm; the angles of upper and lower arm count from straight down, to the right."""
        half = self.arm * 0.5
        elbow = (shoulder[0] + half * math.sin(angle), shoulder[1] + half * math.cos(angle))
        low = angle + bend
        hand = (elbow[0] + half * math.sin(low), elbow[1] + half * math.cos(low))
        colour, skin = (_behind(c) if is_far else c for c in (self.shirt, self.skin))
        brush.limb(shoulder, elbow, hand, self.limb, colour)
        brush.oval(hand[0], hand[1], self.limb * 0.75, self.limb * 0.75, skin)
        brush.mark(name, *hand)


class Walker:
    """A person who walks or runs at an even pace; steps follow from the way gone."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.body = Body(rng, palette, rng.uniform(0.45, 0.8))
        self.ground = ground + rng.uniform(0.0, 0.06)
        self.is_running = rng.random() < 0.3
        way = rng.uniform(0.35, 0.75) * (1.4 if self.is_running else 1.0)
        self.x0, self.x1 = travel(rng, aspect, way)
        self.side = 1.0 if self.x1 > self.x0 else -1.0
        self.step = self.body.leg * (1.35 if self.is_running else 0.95)
        self.swing = rng.uniform(0.5, 0.85)

    def draw(self, brush: Brush, u: float) -> None:
        """The person at a moment."""
        body = self.body
        x = motion.lerp(self.x0, self.x1, u)
        phase = abs(x - self.x0) / (2 * self.step)
        bob = abs(math.sin(2 * math.pi * phase)) * body.leg * (0.2 if self.is_running else 0.07)
        hip_y = self.ground - body.leg * 0.93 - bob
        lean = 0.22 if self.is_running else 0.06
        with brush.moved(x, hip_y, sx=self.side):
            feet = [motion.foot(phase + shift, self.step, body.leg * 0.3) for shift in (0.5, 0.0)]
            (far_x, far_y), (near_x, near_y) = feet
            down = self.ground - hip_y
            swing = self.swing * math.cos(2 * math.pi * phase)
            bend = 1.3 if self.is_running else 0.45
            shoulder = (math.sin(lean) * body.torso * 0.85, -math.cos(lean) * body.torso * 0.85)
            body.draw_arm(brush, shoulder, swing, bend, "far hand", is_far=True)
            body.draw_leg(brush, (0, 0), (far_x, down + far_y), "far foot", is_far=True)
            body.draw_leg(brush, (0, 0), (near_x, down + near_y), "near foot")
            with brush.moved(angle=lean):
                body.draw_torso(brush)
                with brush.moved(0, -body.torso - body.head_r * 0.8, angle=-lean):
                    brush.mark("head")
                    brush.stamp(body.head)
            body.draw_arm(brush, shoulder, -swing, bend, "near hand")


class Actor:
    """A person on the spot who goes from one pose to another, joints turning in arcs."""

    def __init__(
        self, rng: np.random.Generator, palette: Palette, aspect: float, ground: float
    ) -> None:
        self.body = Body(rng, palette, rng.uniform(0.6, 0.9))
        self.ground = ground + rng.uniform(0.02, 0.08)
        self.x = rng.uniform(0.3, 0.7) * aspect
        self.side = rng.choice([-1.0, 1.0])
        self.stance = self.body.leg * rng.uniform(0.2, 0.42)
        self.poses = [_pose(rng), _pose(rng)]
        # Two poses that hardly differ make a still clip: the arms at least change places.
        if np.abs(self.poses[0] - self.poses[1]).sum() < 1.5:
            self.poses[1][2:4] = self.poses[0][[3, 2]] + 0.9

    def draw(self, brush: Brush, u: float) -> None:
        """The person at a moment."""
        body, share = self.body, motion.smooth(u)
        crouch, lean, left, right, left_bend, right_bend, nod, shift = (
            self.poses[0] + (self.poses[1] - self.poses[0]) * share
        )
        hip_y = self.ground - body.leg * (0.97 - 0.4 * crouch)
        with brush.moved(self.x, hip_y, sx=self.side):
            down = self.ground - hip_y
            hip = shift * self.stance
            for foot, name in ((-self.stance, "left foot"), (self.stance, "right foot")):
                start = (hip + 0.5 * foot, 0.0)
                body.draw_leg(brush, start, (foot, down), name, facing=0.0)
            with brush.moved(hip, 0, angle=lean):
                shoulder = body.torso * 0.85
                body.draw_torso(brush, 1 - 0.12 * crouch)
                with brush.moved(0, -body.torso - body.head_r * 0.8, angle=nod):
                    brush.mark("head")
                    brush.stamp(body.head)
                joint = (-body.width * 0.9, -shoulder)
                body.draw_arm(brush, joint, -left, -left_bend, "left hand")
                joint = (body.width * 0.9, -shoulder)
                body.draw_arm(brush, joint, right, right_bend, "right hand")


def travel(rng: np.random.Generator, aspect: float, way: float) -> tuple[float, float]:
    """Where something that moves sideways starts and ends, so that both keyframes show it."""
    low, high = 0.12, aspect - 0.12
    way = min(way, high - low)
    start = rng.uniform(low, high - way)
    return (start, start + way) if rng.random() < 0.5 else (start + way, start)


def _pose(rng: np.random.Generator) -> np.ndarray:
    """Crouch, lean, two shoulders, two elbows, nod, shift of weight."""
    low = [0.0, -0.3, 0.1, 0.1, 0.0, 0.0, -0.3, -0.8]
    high = [1.0, 0.3, 2.7, 2.7, 1.4, 1.4, 0.3, 0.8]
    return rng.uniform(low, high)


def _behind(colour: Colour) -> Colour:
    """The colour of a limb on the far side."""
    return mixed(colour, (20, 10, 50), 0.25)
