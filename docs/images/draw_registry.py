"""Draws icon.png and banner.png, by which ComfyUI's registry and its manager show the pack.

`python docs/images/draw_registry.py` writes them next to it: a square and 21:9, from the jump of
the examples. Needs Pillow only; the same script gives the same pictures.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from draw_keyframes import (
    FIRST,
    HILL,
    INK,
    LAST,
    MEADOW,
    SCALE,
    SKY,
    SUN,
    WHITE,
    Canvas,
    Pose,
    draw_figure,
    draw_scenery,
    draw_star,
)
from draw_sketches import between
from PIL import Image, ImageDraw, ImageFont

ICON_SIDE = 400
ICON_VIEW = (206, 22, 430, 246)
"""What the icon shows of the last keyframe: left, top, right, bottom."""

STAGE = (840, 360)
"""The banner before it is enlarged, in pixels of a keyframe."""
BANNER = (1260, 540)
TAKE_OFF, LANDING = 140, 668
"""Where the figure stands at first and at last."""
GHOSTS = (0.26, 0.42, 0.58, 0.74)
"""Moments of the frames between, and how much of them is seen."""
OPACITY = 0.42
SHADES = 128


def draw_ghosts(canvas: Canvas, poses: Iterable[Pose], opacity: float) -> None:
    """Figures that are seen through, each over those before it."""
    for pose in poses:
        before = canvas.image.copy()
        draw_figure(canvas, pose)
        canvas.image.paste(Image.blend(before, canvas.image, opacity))


def draw_icon() -> Image.Image:
    """The figure in the air, with the star in its hand."""
    canvas = Canvas(SKY)
    draw_scenery(canvas)
    draw_star(canvas, (LAST.star[0] - 14, LAST.star[1] + 6), 30)
    draw_figure(canvas, LAST)
    left, top, right, bottom = (value * SCALE for value in ICON_VIEW)
    view = canvas.image.crop((left, top, right, bottom))
    return view.resize((ICON_SIDE, ICON_SIDE), Image.Resampling.LANCZOS)


def draw_banner() -> Image.Image:
    """Both keyframes in full, and between them the frames that the pack draws."""
    canvas = Canvas(SKY, size=STAGE)
    draw_landscape(canvas)
    first = replace(FIRST, hip=(TAKE_OFF, FIRST.hip[1]))
    last = replace(LAST, hip=(LANDING, LAST.hip[1]), star=(766, 62))
    draw_ghosts(canvas, (between(first, last, moment) for moment in GHOSTS), OPACITY)
    draw_star(canvas, last.star, 25)
    for pose in (first, last):
        draw_figure(canvas, pose)
    write(canvas, "ToonCrafter", (98, 302), 42)
    write(canvas, "two drawings in, the frames between them out", (342, 319), 21)
    return canvas.image.resize(BANNER, Image.Resampling.LANCZOS)


def draw_landscape(canvas: Canvas) -> None:
    """A meadow as in the keyframes, and wider."""
    width, height = STAGE
    canvas.disc((66, 60), (31, 31), SUN, ink=0)
    for x, y, size in ((392, 36, 0.7), (792, 150, 0.8)):
        for dx, dy, r in ((-24, 4, 14), (0, -4, 19), (23, 4, 13)):
            canvas.disc((x + dx * size, y + dy * size), (r * size * 1.25, r * size), WHITE, ink=0)
    for x in (110, 440, 770):
        canvas.disc((x, 336), (250, 118), HILL)
    canvas.shape([(-9, 268), (width + 9, 262), (width + 9, height + 9), (-9, height + 9)], MEADOW)
    for x in (36, 226, 300, 394, 486, 590, 806):
        for dx in (-5, 0, 5):
            canvas.stroke([(x, 294), (x + dx, 284)], INK, 2)


def write(canvas: Canvas, text: str, place: tuple[int, int], size: int) -> None:
    """White letters."""
    pen = ImageDraw.Draw(canvas.image)
    left, top = (value * SCALE for value in place)
    pen.text((left, top), text, WHITE, ImageFont.load_default(size * SCALE))


def save(picture: Image.Image, name: str) -> None:
    """Write a PNG of few colours, which suffice for flat ones."""
    path = Path(__file__).resolve().parent / name
    reduced = picture.quantize(SHADES, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)


def main() -> None:
    """Write both pictures."""
    save(draw_icon(), "icon.png")
    save(draw_banner(), "banner.png")


if __name__ == "__main__":
    main()
