"""Draws what the sketch examples start from: a pose, line drawings of the keyframes, three clips.

`python docs/images/draw_sketches.py` writes tooncrafter_*.png and tooncrafter_*.gif next to it.
Needs Pillow only; the same script gives the same pictures. The clips are GIFs because ComfyUI's
own Load Image reads their frames as a batch.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import pi, sin
from pathlib import Path

from draw_keyframes import (
    FIRST,
    HEIGHT,
    INK,
    LAST,
    WHITE,
    WIDTH,
    Canvas,
    Colour,
    Palette,
    Point,
    Pose,
    draw_figure,
    draw_scenery,
    draw_star,
)
from PIL import Image, ImageDraw

NUM_FRAMES = 16
LEAP = 26
"""How high above the straight way the figure flies."""

GREYS = 8
"""Shades of a frame, which keeps the files small."""

CLAY, PALE = (190, 178, 168), (238, 234, 228)


def outlines(colour: Colour, is_outlined: bool) -> Colour | None:
    """Lines on white paper: areas without an outline are left out."""
    if colour == INK:
        return INK
    return WHITE if is_outlined else None


def clay(colour: Colour, is_outlined: bool) -> Colour | None:
    """A figure of one colour, as in a first rough animation."""
    if colour in (INK, WHITE):
        return colour
    return CLAY if is_outlined else None


def between(first: Pose, last: Pose, moment: float) -> Pose:
    """The pose at a moment of the jump, 0 to 1."""
    t = moment * moment * (3 - 2 * moment)  # slow at both ends

    def pair(a: Point, b: Point) -> Point:
        return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t

    hip = pair(first.hip, last.hip)
    return Pose(
        hip=(hip[0], hip[1] - 4 * LEAP * t * (1 - t)),
        lean=pair((first.lean, 0), (last.lean, 0))[0],
        left_arm=pair(first.left_arm, last.left_arm),
        right_arm=pair(first.right_arm, last.right_arm),
        left_leg=pair(first.left_leg, last.left_leg),
        right_leg=pair(first.right_leg, last.right_leg),
        gaze=pair(first.gaze, last.gaze),
        is_laughing=moment > 0.5,
        star=pair(first.star, last.star),
    )


def draw(pose: Pose, paper: Colour, palette: Palette, has_scenery: bool = True) -> Image.Image:
    """A pose in another palette."""
    canvas = Canvas(paper, palette)
    if has_scenery:
        draw_scenery(canvas)
    draw_star(canvas, pose.star, 25)
    draw_figure(canvas, pose)
    return canvas.finish()


def draw_lines(pose: Pose, has_scenery: bool = True) -> Image.Image:
    """A line drawing, in shades of grey."""
    return draw(pose, WHITE, outlines, has_scenery).convert("L").quantize(GREYS)


def jump() -> list[Pose]:
    """Every frame of the jump."""
    return [between(FIRST, LAST, i / (NUM_FRAMES - 1)) for i in range(NUM_FRAMES)]


def jump_and_return() -> list[Pose]:
    """Every frame of a jump that ends where it began."""
    # A little slower up than down: a GIF would join frames that are equal.
    moments = [0.8 * sin(pi * (i / (NUM_FRAMES - 1)) ** 1.1) for i in range(NUM_FRAMES)]
    return [replace(between(FIRST, LAST, t), star=FIRST.star) for t in moments]


def correct(pose: Pose) -> Pose:
    """The same moment with the free arm thrown up, as an artist may want it."""
    return replace(pose, left_arm=(-122, -150), is_laughing=True)


def draw_mask() -> Image.Image:
    """White over the places of the figure from frame 5 to 11, at the mini model's size."""
    mask = Image.new("RGB", (WIDTH // 2, HEIGHT // 2))
    ImageDraw.Draw(mask).rounded_rectangle([58, 26, 186, 148], 18, fill=WHITE)
    return mask


def save_clip(frames: Sequence[Image.Image], path: Path) -> None:
    """Write an endless GIF of 8 frames a second."""
    first, *others = frames
    first.save(path, save_all=True, append_images=others, duration=125, loop=0, optimize=True)


def main() -> None:
    """Write every drawing and clip."""
    folder = Path(__file__).resolve().parent
    poses = jump()
    middle = poses[7]  # frame 8
    drawings = {
        "first_lines": draw_lines(FIRST),
        "last_lines": draw_lines(LAST),
        "pose": draw_lines(middle, has_scenery=False),
        "corrected": draw_lines(correct(middle)),
    }
    drawings["mask"] = draw_mask()
    for name, drawing in drawings.items():
        drawing.save(folder / f"tooncrafter_{name}.png", optimize=True)
    clips = {
        "lines": [draw_lines(pose) for pose in poses],
        "lines_return": [draw_lines(pose) for pose in jump_and_return()],
        "rough": [draw(pose, PALE, clay, has_scenery=False).quantize(GREYS) for pose in poses],
    }
    for name, frames in clips.items():
        save_clip(frames, folder / f"tooncrafter_{name}.gif")


if __name__ == "__main__":
    main()
