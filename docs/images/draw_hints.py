"""Draws hints.png: six kinds of line drawing, and below each what the network sees.

`PYTHONPATH=. python docs/images/draw_hints.py` writes hints.png next to it. The drawings are
made by draw_sketches.py; the hints are those of `tooncrafter_core.sketches.hints.to_hint`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from draw_keyframes import HEIGHT, LAST, WHITE, WIDTH, Canvas, draw_figure, draw_star
from draw_sketches import correct, draw, jump, outlines
from einops import rearrange
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tooncrafter_core.sketches.hints import to_hint

SHOWN = (320, 200)
MARGIN, LINE, COLUMNS = 10, 24, 3
PAGE, TEXT = (250, 248, 244), (30, 30, 36)
SHADES = 256

Pixels = np.ndarray
"""h w c in [0, 1]."""

POSE = jump()[7]
BLUE, RED, GREEN, ORANGE = (0.2, 0.3, 0.75), (0.8, 0.2, 0.2), (0.2, 0.55, 0.25), (0.85, 0.5, 0.1)


def lines() -> Pixels:
    """Dark lines on white, as 1 - ink."""
    return np.asarray(draw(POSE, WHITE, outlines), dtype=np.float32) / 255


def ink() -> Pixels:
    """How much line there is, h w 1."""
    return 1 - lines().mean(axis=2, keepdims=True)


def on_black() -> Pixels:
    """White lines on black."""
    return 1 - lines()


def on_grey() -> Pixels:
    """Lines of pencil on grey paper."""
    return 0.62 - 0.42 * ink() + np.zeros(3, dtype=np.float32)


def transparent() -> Pixels:
    """Lines in a layer of their own, as painting programs export them."""
    drawn = np.clip(ink() * 1.2, 0, 1)
    return np.concatenate([np.zeros((*drawn.shape[:2], 3), dtype=np.float32), drawn], axis=2)


def coloured_pencil() -> Pixels:
    """Every part in a pencil of its own, on tinted paper with a grain."""
    figure = ink_of(lambda canvas: draw_figure(canvas, LAST))
    star = ink_of(lambda canvas: draw_star(canvas, LAST.star, 25))
    rest = 1 - np.asarray(draw(LAST, WHITE, outlines), dtype=np.float32)[..., :1] / 255
    is_leg = np.arange(HEIGHT)[:, None, None] > LAST.hip[1] - 8
    strokes = (
        (RED, figure * ~is_leg),
        (BLUE, figure * is_leg),
        (ORANGE, star),
        (GREEN, (rest - figure - star).clip(min=0)),
    )
    grain = np.random.default_rng(1).normal(0, 0.012, (HEIGHT, WIDTH, 1)).astype(np.float32)
    page = np.array([0.96, 0.90, 0.76], dtype=np.float32) + grain
    for colour, stroke in strokes:
        page = page * (1 - 0.85 * stroke * (1 - np.array(colour, dtype=np.float32)))
    return page.clip(0, 1)


def ink_of(paint: Callable[[Canvas], None]) -> Pixels:
    """How much line a part of the drawing has, h w 1."""
    canvas = Canvas(WHITE, outlines)
    paint(canvas)
    return 1 - np.asarray(canvas.finish(), dtype=np.float32)[..., :1] / 255


def scan() -> Pixels:
    """A photographed page: noise, uneven light, a soft lens."""
    page = draw(correct(POSE), WHITE, outlines).filter(ImageFilter.GaussianBlur(0.8))
    light = np.linspace(1, 0.68, WIDTH, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(2).normal(0, 0.035, (HEIGHT, WIDTH, 3)).astype(np.float32)
    ratio = 1 - 0.75 * (1 - np.asarray(page, dtype=np.float32) / 255)
    return np.clip(ratio * light * [0.95, 0.93, 0.88] + noise, 0, 1).astype(np.float32)


KINDS: dict[str, Callable[[], Pixels]] = {
    "black on white": lines,
    "white on black": on_black,
    "grey paper": on_grey,
    "transparent layer": transparent,
    "coloured pencils, tinted paper": coloured_pencil,
    "scan: noise, uneven light": scan,
}


def hint_of(pixels: Pixels) -> Image.Image:
    """What the network sees of a drawing."""
    batch = rearrange(torch.from_numpy(pixels.astype(np.float32)), "h w c -> 1 c h w")
    hint = to_hint(batch * 2 - 1).hints[0, 0]
    return to_picture(hint[..., None].repeat(1, 1, 3).numpy())


def to_picture(pixels: Pixels) -> Image.Image:
    """For the page; what is transparent lies on a chequered ground."""
    if pixels.shape[2] == 4:
        rows, columns = np.indices(pixels.shape[:2]) // 12
        ground = np.where((rows + columns) % 2, 0.8, 0.95)[..., None]
        pixels = pixels[..., :3] * pixels[..., 3:] + ground * (1 - pixels[..., 3:])
    return Image.fromarray((pixels * 255).round().astype(np.uint8)).convert("RGB")


def main() -> None:
    """Write the sheet."""
    width, height = SHOWN
    cell = (width + MARGIN, 2 * height + 4 + LINE + MARGIN)
    rows = -(-len(KINDS) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * cell[0] + MARGIN, rows * cell[1] + MARGIN), PAGE)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for index, (name, make) in enumerate(KINDS.items()):
        left = MARGIN + index % COLUMNS * cell[0]
        top = MARGIN + index // COLUMNS * cell[1]
        pixels = make()
        pen.text((left, top), name, TEXT, font)
        for number, picture in enumerate((to_picture(pixels), hint_of(pixels))):
            small = picture.resize(SHOWN, Image.Resampling.LANCZOS)
            page.paste(small, (left, top + LINE + number * (height + 4)))
    path = Path(__file__).resolve().parent / "hints.png"
    page.quantize(SHADES, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


if __name__ == "__main__":
    main()
