"""Figures on nothing, with true alpha: holes, lines of a pixel, and soft shadows."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..extras import require

SHADOW = 110
"""Alpha of a shadow, of 255."""


def render_clear(seed: int, u: float, width: int = 256, height: int = 160) -> Tensor:
    """A figure ``4 h w`` in [0, 1], straight alpha, at a moment from 0 to 1 of its motion.

    The same for the same arguments. ``ToonCrafterError`` where the renderer is not installed.
    """
    require("skia")
    import skia

    rng = np.random.Generator(np.random.PCG64([seed, 7]))
    surface = skia.Surface(width, height)
    canvas = surface.getCanvas()
    canvas.clear(0)
    canvas.scale(height / 160, height / 160)
    fills = [skia.Color(*map(int, rng.integers(20, 236, 3))) for _ in range(3)]
    x = 70 + float(rng.uniform(50, 110)) * u
    swing = float(rng.uniform(0.3, 1.2)) * math.sin(3 * u)
    shadow = skia.Paint(
        AntiAlias=True, Color=skia.Color(0, 0, 0, SHADOW),
        MaskFilter=skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, float(rng.uniform(2, 6))),
    )  # fmt: skip
    canvas.drawOval(skia.Rect.MakeXYWH(x - 45, 132, 90, 16), shadow)
    _part(canvas, skia.Rect.MakeXYWH(x - 34, 46, 68, 88), fills[0], hole=(14, 38, 26, 32))
    _part(canvas, skia.Rect.MakeXYWH(x - 17, 16, 34, 36), fills[1])
    reach = x + 34 + 40 * math.cos(swing), 80 - 40 * math.sin(swing)
    canvas.drawLine(x + 30, 80, *reach, _ink(float(rng.uniform(0.7, 1.6))))
    _part(canvas, skia.Rect.MakeXYWH(reach[0] - 8, reach[1] - 8, 16, 16), fills[2])
    for _ in range(3):
        angle = float(rng.uniform(-2.6, -0.5))
        canvas.drawLine(
            x, 18, x + 30 * math.cos(angle), 18 + 20 * math.sin(angle), _ink(0.8)
        )  # fmt: skip
    pixels = surface.toarray(colorType=skia.kRGBA_8888_ColorType)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


def _part(canvas: Any, box: Any, colour: int, hole: tuple[int, ...] | None = None) -> None:
    """An outlined oval, with a hole where one is named by its place in the box and its size."""
    import skia

    path = skia.Path()
    path.addOval(box)
    if hole is not None:
        left, top, width, height = hole
        path.addOval(skia.Rect.MakeXYWH(box.left() + left, box.top() + top, width, height))
        path.setFillType(skia.PathFillType.kEvenOdd)
    canvas.drawPath(path, skia.Paint(AntiAlias=True, Color=colour))
    canvas.drawPath(path, _ink(2.2))


def _ink(width: float) -> Any:
    import skia

    return skia.Paint(
        AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=width,
        Color=skia.Color(14, 11, 18), StrokeCap=skia.Paint.kRound_Cap,
    )  # fmt: skip
