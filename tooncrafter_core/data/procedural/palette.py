"""Colours that go together, and ink, for one clip."""

import colorsys
from dataclasses import dataclass

import numpy as np

from .drawing import BLACK, WHITE, Colour

SKINS: tuple[Colour, ...] = (
    (255, 222, 196), (246, 200, 164), (224, 172, 124), (172, 116, 76), (118, 78, 54),
    (255, 214, 90), (150, 205, 110), (140, 180, 230),
)  # fmt: skip
"""Of people, and of those cartoon people who are yellow, green or blue."""


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Backgrounds are pale and figures strong, as in painted cartoons."""

    sky: Colour
    far: Colour
    middle: Colour
    ground: Colour
    wall: Colour
    leaves: Colour
    wood: Colour
    cloud: Colour
    skin: Colour
    hair: Colour
    cloth: tuple[Colour, ...]
    """Six strong colours for what moves."""
    ink: Colour
    is_night: bool


def make_palette(rng: np.random.Generator) -> Palette:
    """Draw the colours of a clip."""
    base = rng.random()
    is_night = rng.random() < 0.18
    dim = 0.5 if is_night else 1.0

    def tone(hue: float, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
        jitter = rng.normal(0, 0.02)
        return hsv(hue + jitter, rng.uniform(*saturation), rng.uniform(*value) * dim)

    sky_hue = rng.choice([0.55, 0.6, 0.12, 0.93, 0.45]) if rng.random() < 0.8 else base
    green = rng.uniform(0.2, 0.42)
    dim_figures = 0.85 if is_night else 1.0
    hues = (base + np.array([0, 0.5, 0.15, 0.62, 0.33, 0.82]) + rng.normal(0, 0.02, 6)) % 1
    cloth = tuple(
        hsv(hue, rng.uniform(0.5, 0.95), rng.uniform(0.55, 1.0) * dim_figures) for hue in hues
    )
    return Palette(
        sky=tone(sky_hue, (0.2, 0.5), (0.85, 1.0)),
        far=tone(sky_hue + 0.06, (0.15, 0.4), (0.65, 0.9)),
        middle=tone(green, (0.3, 0.6), (0.6, 0.85)),
        ground=tone(rng.choice([green, 0.1, base]), (0.25, 0.6), (0.6, 0.9)),
        wall=tone(base + 0.08, (0.12, 0.5), (0.7, 0.95)),
        leaves=tone(green, (0.45, 0.8), (0.4, 0.8)),
        wood=tone(0.07, (0.4, 0.7), (0.4, 0.65)),
        cloud=hsv(0.6, 0.15, 0.6) if is_night else WHITE,
        skin=SKINS[rng.choice(len(SKINS), p=[0.2, 0.2, 0.15, 0.15, 0.1, 0.08, 0.06, 0.06])],
        hair=hsv(
            rng.choice([0.07, 0.05, 0.12, base]), rng.uniform(0.3, 0.9), rng.uniform(0.15, 0.9)
        ),
        cloth=cloth,
        ink=BLACK if rng.random() < 0.75 else hsv(base, 0.6, 0.25),
        is_night=is_night,
    )  # fmt: skip


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour by hue (any number, whole turns do not count), saturation and value in [0, 1]."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(saturation, 1), min(value, 1))
    return round(255 * red), round(255 * green), round(255 * blue)
