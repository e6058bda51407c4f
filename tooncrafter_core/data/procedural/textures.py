"""Light, grain and paint inside shapes; all of it moves with the shape."""

from functools import cache
from typing import Any

import numpy as np

Colour = tuple[int, int, int]

TEXTURE_SIZE = 128
GRAIN_SCALE = 1 / 110
"""Size of a grain cell in the live look, as a share of the picture's height."""
PAINTS = 64
"""Number of kinds of paint."""


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """The colour at ``share`` of the way from one to the other."""
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue


def shaded(colour: Colour, bounds: Any) -> Any:
    """Light from the upper left inside bounds: a shader."""
    import skia

    light, dark = mixed(colour, (255, 250, 235), 0.28), mixed(colour, (15, 10, 40), 0.42)
    ends = [skia.Point(bounds.left(), bounds.top()), skia.Point(bounds.right(), bounds.bottom())]
    return skia.GradientShader.MakeLinear(
        ends, [skia.Color(*light), skia.Color(*colour), skia.Color(*dark)]
    )


@cache
def grain_paint() -> Any:
    """Paint that darkens what it covers by a repeating grain."""
    import skia

    rng = np.random.Generator(np.random.PCG64(0))
    grey = (255 * (0.72 + 0.28 * _clouds(rng, (0.25, 0.35, 0.4)))).astype(np.uint8)
    return _multiplying(np.stack([grey] * 3, axis=-1), skia.Matrix.Scale(GRAIN_SCALE, GRAIN_SCALE))


@cache
def paint(number: int) -> Any:
    """One of ``PAINTS`` repeating paints: blots or strokes that darken and tint, fine or broad."""
    import skia

    rng = np.random.Generator(np.random.PCG64([0, number]))
    shares = rng.dirichlet([1.0, 1.0, 1.0])
    strength, tint = rng.uniform(0.2, 0.6), rng.uniform(0, 0.3)
    common = _spread(_clouds(rng, shares))[..., None]
    own = np.stack([_spread(_clouds(rng, (0.0, 0.3, 0.7))) for _ in range(3)], axis=-1)
    pixels = 255 * (1 - strength * ((1 - tint) * common + tint * own))
    cell, long = GRAIN_SCALE * rng.uniform(0.5, 2.5), rng.uniform(1, 4)
    matrix = skia.Matrix.RotateDeg(rng.uniform(0, 180))
    matrix.preScale(cell * long, cell)
    return _multiplying(pixels.astype(np.uint8), matrix)


def _multiplying(pixels: np.ndarray, matrix: Any) -> Any:
    """Paint that multiplies what it covers by ``h w 3`` uint8 pixels, repeated."""
    import skia

    opaque = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)
    image = skia.Image.fromarray(opaque, colorType=skia.kRGBA_8888_ColorType)
    tile = skia.TileMode.kRepeat
    shader = image.makeShader(tile, tile, skia.SamplingOptions(skia.FilterMode.kLinear), matrix)
    return skia.Paint(AntiAlias=True, Shader=shader, BlendMode=skia.BlendMode.kMultiply)


def _clouds(rng: np.random.Generator, shares: Any) -> np.ndarray:
    """``h w`` in [0, 1]: noise of three sizes, the finest first, by their shares."""
    total = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE))
    for cell, weight in zip((1, 4, 16), shares, strict=True):
        grid = rng.random((TEXTURE_SIZE // cell, TEXTURE_SIZE // cell))
        layer = np.kron(grid, np.ones((cell, cell)))
        for axis in (0, 1):  # averaged over a cell, so that no edges show
            layer = sum(np.roll(layer, i, axis) for i in range(cell)) / cell
        total += weight * layer
    return total


def _spread(values: np.ndarray) -> np.ndarray:
    """The same over the whole of [0, 1]."""
    return (values - values.min()) / (values.max() - values.min())
