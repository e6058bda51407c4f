"""Draws the two keyframes of the examples: a cartoon figure before and after a jump for a star.

`python docs/images/draw_keyframes.py` writes tooncrafter_first.png and tooncrafter_last.png
next to it. Needs Pillow only; the same script gives the same pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, radians, sin
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 512, 320
SCALE = 4
"""Everything is drawn larger and reduced at the end, which smooths the edges."""

INK = (43, 33, 48)
SKY, SUN, HILL, MEADOW = (176, 222, 240), (255, 231, 150), (137, 196, 140), (104, 172, 108)
SKIN, HAIR, SHIRT, TROUSERS, SHOE = (
    (250, 214, 178), (122, 72, 50), (226, 78, 66), (66, 92, 158), (84, 58, 52),
)  # fmt: skip
STAR, SHADOW, WHITE, BLUSH = (255, 205, 64), (84, 148, 92), (255, 255, 255), (243, 166, 146)

Point = tuple[float, float]
Colour = tuple[int, int, int]
Palette = Callable[[Colour, bool], Colour | None]
"""What a filled area with that colour, outlined or not, is filled with; None leaves it out."""


def full_colour(colour: Colour, is_outlined: bool) -> Colour:
    """Every colour as it is."""
    return colour


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How the figure stands. Angles in degrees: 0 points down, positive to the right."""

    hip: Point
    lean: float
    """Of the trunk; positive leans to the right."""
    left_arm: tuple[float, float]
    """Upper arm and forearm."""
    right_arm: tuple[float, float]
    left_leg: tuple[float, float]
    right_leg: tuple[float, float]
    gaze: Point
    """Where the pupils sit in the eyes, from -1 to 1."""
    is_laughing: bool
    star: Point


FIRST = Pose(
    hip=(170, 222), lean=6, left_arm=(-32, -8), right_arm=(30, 78), left_leg=(-14, -4),
    right_leg=(20, 2), gaze=(0.9, -0.8), is_laughing=False, star=(352, 74),
)  # fmt: skip
LAST = Pose(
    hip=(290, 178), lean=12, left_arm=(-74, -118), right_arm=(106, 148), left_leg=(-62, -104),
    right_leg=(34, -10), gaze=(0.5, -0.9), is_laughing=True, star=(386, 62),
)  # fmt: skip


class Canvas:
    """A drawing in pixels of the final picture, on one that is larger."""

    def __init__(
        self,
        colour: Colour,
        palette: Palette = full_colour,
        size: tuple[int, int] = (WIDTH, HEIGHT),
    ) -> None:
        width, height = self.size = size
        self.palette = palette
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), colour)
        self.pen = ImageDraw.Draw(self.image)

    def disc(self, centre: Point, radii: Point, fill: Colour, ink: float = 3) -> None:
        """An ellipse with an outline of that width."""
        (x, y), (rx, ry) = centre, radii
        inside = self.palette(fill, bool(ink))
        for grown, colour in ((ink / 2, INK if ink else None), (-ink / 2, inside)):
            if colour is not None:
                box = [x - rx - grown, y - ry - grown, x + rx + grown, y + ry + grown]
                self.pen.ellipse([value * SCALE for value in box], fill=colour)

    def shape(self, points: list[Point], fill: Colour, ink: float = 3) -> None:
        """A polygon with round corners and an outline."""
        inside = self.palette(fill, bool(ink))
        if inside is not None:
            self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=inside)
        if ink:
            self.stroke([*points, points[0]], INK, ink)

    def stroke(self, points: list[Point], colour: Colour, width: float) -> None:
        """A line with round joints and ends."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self.pen.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")
        for x, y in scaled:
            r = width * SCALE / 2
            self.pen.ellipse([x - r, y - r, x + r, y + r], fill=colour)

    def limb(self, points: list[Point], colour: Colour, width: float) -> None:
        """A line of that colour with an outline."""
        inside = self.palette(colour, True)
        self.stroke(points, INK, width + 5)
        if inside is not None:
            self.stroke(points, inside, width)

    def finish(self) -> Image.Image:
        """The picture in its final size."""
        return self.image.resize(self.size, Image.Resampling.LANCZOS)


def move(start: Point, angle: float, length: float) -> Point:
    """The point at that distance in that direction."""
    return start[0] + length * sin(radians(angle)), start[1] + length * cos(radians(angle))


def chain(start: Point, angles: tuple[float, float], lengths: tuple[float, float]) -> list[Point]:
    """The joints of a limb of two parts."""
    middle = move(start, angles[0], lengths[0])
    return [start, middle, move(middle, angles[1], lengths[1])]


def draw(pose: Pose) -> Image.Image:
    """One keyframe: the meadow, the star and the figure."""
    canvas = Canvas(SKY)
    draw_scenery(canvas)
    draw_star(canvas, pose.star, 25)
    draw_figure(canvas, pose)
    return canvas.finish()


def draw_scenery(canvas: Canvas) -> None:
    """What does not move."""
    canvas.disc((70, 62), (31, 31), SUN, ink=0)
    for x, y, size in ((176, 56, 1.0), (458, 128, 0.8)):
        for dx, dy, r in ((-24, 4, 14), (0, -4, 19), (23, 4, 13)):
            canvas.disc((x + dx * size, y + dy * size), (r * size * 1.25, r * size), WHITE, ink=0)
    canvas.disc((110, 330), (230, 112), HILL)
    canvas.disc((430, 340), (240, 128), HILL)
    canvas.shape([(-9, 268), (521, 262), (521, 330), (-9, 330)], MEADOW)
    for x in (36, 92, 236, 268, 412, 474):
        for dx in (-5, 0, 5):
            canvas.stroke([(x, 302), (x + dx, 292)], INK, 2)


def draw_star(canvas: Canvas, centre: Point, radius: float) -> None:
    """The star that the figure wants."""
    points = [move(centre, 180 + 36 * i, radius * (1.0, 0.47)[i % 2]) for i in range(10)]
    canvas.shape(points, STAR, ink=3.5)


def draw_figure(canvas: Canvas, pose: Pose) -> None:
    """From back to front: shadow, far limbs, trunk, head, near arm."""
    neck = move(pose.hip, 180 - pose.lean, 58)
    head = move(neck, 180 - pose.lean, 31)
    height = max(0.0, 222 - pose.hip[1])
    canvas.disc((pose.hip[0] + 4, 290), (46 - height * 0.3, 8 - height * 0.05), SHADOW, ink=0)
    for side, angles in ((-9, pose.left_leg), (9, pose.right_leg)):
        joints = chain((pose.hip[0] + side, pose.hip[1]), angles, (30, 30))
        canvas.limb(joints, TROUSERS, 17)
        toe = (joints[2][0] + 10, joints[2][1] + 2)
        canvas.limb([joints[2], toe], SHOE, 12)
    draw_arm(canvas, (neck[0] - 16, neck[1] + 9), pose.left_arm)
    canvas.limb([move(pose.hip, 180 - pose.lean, 5), move(neck, -pose.lean, 13)], SHIRT, 38)
    draw_head(canvas, head, pose)
    draw_arm(canvas, (neck[0] + 16, neck[1] + 9), pose.right_arm)


def draw_arm(canvas: Canvas, shoulder: Point, angles: tuple[float, float]) -> None:
    """A sleeve and a hand."""
    joints = chain(shoulder, angles, (25, 27))
    canvas.limb(joints, SHIRT, 13)
    canvas.disc(move(joints[2], angles[1], 5), (8, 8), SKIN, ink=2.5)


def draw_head(canvas: Canvas, centre: Point, pose: Pose) -> None:
    """A round head with a tuft, two eyes, cheeks and a mouth."""
    x, y = centre
    canvas.disc((x - 6, y - 8), (39, 34), HAIR)
    canvas.shape([(x - 6, y - 36), (x + 2, y - 56), (x + 16, y - 34)], HAIR)
    canvas.disc((x + 4, y + 2), (33, 29), SKIN)
    canvas.shape([(x - 27, y - 12), (x - 16, y - 29), (x + 20, y - 27), (x + 4, y - 15)], HAIR, 0)
    for eye in (x - 5, x + 21):
        canvas.disc((eye, y - 1), (7, 9), WHITE, ink=2)
        canvas.disc((eye + 3 * pose.gaze[0], y - 1 + 4 * pose.gaze[1]), (3.2, 4), INK, ink=0)
        canvas.disc((eye - 1, y + 13), (5, 3), BLUSH, ink=0)
    if pose.is_laughing:
        canvas.disc((x + 9, y + 17), (9, 8), (150, 52, 58), ink=2.5)
        canvas.disc((x + 9, y + 21), (5, 3), (236, 124, 118), ink=0)
    else:
        canvas.stroke([(x + 2, y + 17), (x + 8, y + 20), (x + 15, y + 17)], INK, 2.5)


def main() -> None:
    """Write both keyframes."""
    folder = Path(__file__).resolve().parent
    for name, pose in (("first", FIRST), ("last", LAST)):
        draw(pose).save(folder / f"tooncrafter_{name}.png", optimize=True)


if __name__ == "__main__":
    main()
