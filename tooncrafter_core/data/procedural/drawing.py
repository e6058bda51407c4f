"""A brush that draws the same shapes as cartoon, as line art, or shaded like live action.

Coordinates are in units of the picture's height, x to the right and y down; angles in radians.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import cache
from typing import Any

import numpy as np

Colour = tuple[int, int, int]
Point = tuple[float, float]

BLACK: Colour = (12, 10, 16)
WHITE: Colour = (250, 250, 250)
TEXTURE_SIZE = 128
TEXTURE_SCALE = 1 / 110
"""Of the picture's height, a cell of the texture."""


class Look(Enum):
    """What a scene is drawn as."""

    CARTOON = "cartoon"
    """Outlines and flat colours."""
    LINES = "lines"
    """The outlines alone, black on white, hidden where the cartoon hides them."""
    LIVE = "live"
    """Shaded and textured, without outlines."""


class Drawing:
    """Shapes drawn once and then stamped many times; ``draw`` must not depend on time."""

    def __init__(self, draw: Callable[[Brush], None]) -> None:
        self.draw = draw
        self.pictures: dict[Look, Any] = {}

    def picture(self, brush: Brush) -> Any:
        """The recorded shapes in the brush's look."""
        if brush.look not in self.pictures:
            import skia

            recorder = skia.PictureRecorder()
            canvas = recorder.beginRecording(skia.Rect.MakeLTRB(-9, -9, 9, 9))
            self.draw(Brush(canvas, brush.look, brush.line_width, brush.ink))
            self.pictures[brush.look] = recorder.finishRecordingAsPicture()
        return self.pictures[brush.look]


class Brush:
    """Draws on a skia canvas and notes where the parts are."""

    def __init__(
        self, canvas: Any, look: Look, line_width: float = 0.01, ink: Colour = BLACK
    ) -> None:
        import skia

        self.skia = skia
        self.canvas = canvas
        self.look = look
        self.line_width = line_width
        self.ink = ink
        self.marks: list[tuple[str, Point]] = []
        """Names and places, in pixels, of the parts drawn so far."""
        self.pen = self.stroke(ink if look is Look.CARTOON else (0, 0, 0), line_width)

    def stroke(self, colour: Colour, width: float) -> Any:
        """A paint for lines with round ends."""
        skia = self.skia
        return skia.Paint(
            AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=width,
            Color=skia.Color(*colour), StrokeCap=skia.Paint.kRound_Cap,
            StrokeJoin=skia.Paint.kRound_Join,
        )  # fmt: skip

    def inside(self, colour: Colour, bounds: Any) -> Any:
        """A paint for the inside of a shape."""
        skia = self.skia
        if self.look is Look.LINES:
            colour = (255, 255, 255)
        paint = skia.Paint(AntiAlias=True, Color=skia.Color(*colour))
        if self.look is Look.LIVE:
            paint.setShader(_shaded(colour, bounds))
        return paint

    def shape(self, path: Any, colour: Colour | None, outline: bool = True) -> None:
        """Fill a path and draw its outline; ``None`` leaves the inside open."""
        if colour is not None:
            self.canvas.drawPath(path, self.inside(colour, path.getBounds()))
            if self.look is Look.LIVE:
                self.canvas.drawPath(path, _grain_paint())
        if outline and self.look is not Look.LIVE:
            self.canvas.drawPath(path, self.pen)
        elif colour is None:
            self.canvas.drawPath(path, self.stroke(self.ink, self.line_width * 0.8))

    def oval(
        self, x: float, y: float, rx: float, ry: float, colour: Colour | None, outline: bool = True
    ) -> None:
        """An ellipse around a middle."""
        rect = self.skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry)
        self.shape(self.skia.Path.Oval(rect), colour, outline)

    def dot(self, x: float, y: float, rx: float, ry: float) -> None:
        """A pupil, a nose: dark in every look, line art included."""
        rect = self.skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry)
        colour = (0, 0, 0) if self.look is Look.LINES else BLACK
        paint = self.skia.Paint(AntiAlias=True, Color=self.skia.Color(*colour))
        self.canvas.drawOval(rect, paint)

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: Colour | None,
        radius: float = 0.0, outline: bool = True,
    ) -> None:  # fmt: skip
        """A rectangle, its corners rounded by ``radius``."""
        path = self.skia.Path()
        path.addRoundRect(self.skia.Rect.MakeLTRB(left, top, right, bottom), radius, radius)
        self.shape(path, colour, outline)

    def polygon(self, points: Sequence[Point], colour: Colour | None, outline: bool = True) -> None:
        """A closed shape with straight sides."""
        path = self.skia.Path()
        path.addPoly([self.skia.Point(*point) for point in points], True)
        self.shape(path, colour, outline)

    def smooth(self, points: Sequence[Point], colour: Colour | None, outline: bool = True) -> None:
        """A closed round shape through the middles between the points."""
        middles = [
            ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
            for a, b in zip(points, [*points[1:], points[0]], strict=True)
        ]
        path = self.skia.Path()
        path.moveTo(*middles[-1])
        for point, middle in zip(points, middles, strict=True):
            path.quadTo(*point, *middle)
        path.close()
        self.shape(path, colour, outline)

    def line(self, points: Sequence[Point]) -> None:
        """An open line of ink: a mouth, a rope."""
        path = self.skia.Path()
        path.moveTo(*points[0])
        if len(points) == 3:
            path.quadTo(*points[1], *points[2])
        else:
            for point in points[1:]:
                path.lineTo(*point)
        self.shape(path, None)

    def limb(self, start: Point, joint: Point, end: Point, width: float, colour: Colour) -> None:
        """A bendy arm or leg whose curve passes through the joint."""
        path = self.skia.Path()
        path.moveTo(*start)
        bend = [2 * j - (s + e) / 2 for s, j, e in zip(start, joint, end, strict=True)]
        path.quadTo(*bend, *end)
        if self.look is Look.LIVE:
            paint = self.stroke(colour, width + self.line_width)
            paint.setShader(_shaded(colour, path.getBounds()))
            self.canvas.drawPath(path, paint)
            return
        ink, inside = self.ink, colour
        if self.look is Look.LINES:
            ink, inside = (0, 0, 0), (255, 255, 255)
        self.canvas.drawPath(path, self.stroke(ink, width + self.line_width))
        self.canvas.drawPath(path, self.stroke(inside, max(width - self.line_width, 0.002)))

    def stamp(self, drawing: Drawing) -> None:
        """Draw recorded shapes here."""
        self.canvas.drawPicture(drawing.picture(self))

    def mark(self, name: str, x: float = 0.0, y: float = 0.0) -> None:
        """Note where a moving part is."""
        place = self.canvas.getTotalMatrix().mapXY(x, y)
        self.marks.append((name, (place.x(), place.y())))

    @contextmanager
    def moved(
        self, x: float = 0.0, y: float = 0.0, angle: float = 0.0, sx: float = 1.0, sy: float = 1.0
    ) -> Iterator[None]:
        """Draw inside shifted, then turned, then stretched."""
        self.canvas.save()
        self.canvas.translate(x, y)
        if angle:
            self.canvas.rotate(math.degrees(angle))
        if (sx, sy) != (1.0, 1.0):
            self.canvas.scale(sx, sy)
        yield
        self.canvas.restore()


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """The colour at ``share`` of the way from one to the other."""
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue


def _shaded(colour: Colour, bounds: Any) -> Any:
    """Light from the upper left: the inside of a shape in the live look."""
    import skia

    light, dark = mixed(colour, (255, 250, 235), 0.28), mixed(colour, (15, 10, 40), 0.42)
    ends = [skia.Point(bounds.left(), bounds.top()), skia.Point(bounds.right(), bounds.bottom())]
    return skia.GradientShader.MakeLinear(
        ends, [skia.Color(*light), skia.Color(*colour), skia.Color(*dark)]
    )


@cache
def _grain_paint() -> Any:
    """Paint that darkens what it covers by a repeating grain, which moves with the shape."""
    import skia

    image = skia.Image.fromarray(_texture(), colorType=skia.kRGBA_8888_ColorType)
    scale = skia.Matrix.Scale(TEXTURE_SCALE, TEXTURE_SCALE)
    tile = skia.TileMode.kRepeat
    shader = image.makeShader(tile, tile, skia.SamplingOptions(skia.FilterMode.kLinear), scale)
    return skia.Paint(AntiAlias=True, Shader=shader, BlendMode=skia.BlendMode.kMultiply)


def _texture() -> np.ndarray:
    """``h w 4`` uint8, bright, the same in every process."""
    rng = np.random.Generator(np.random.PCG64(0))
    total = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE))
    for cell, weight in ((1, 0.25), (4, 0.35), (16, 0.4)):
        grid = rng.random((TEXTURE_SIZE // cell, TEXTURE_SIZE // cell))
        layer = np.kron(grid, np.ones((cell, cell)))
        for axis in (0, 1):  # averaged over a cell, so that no edges show
            layer = sum(np.roll(layer, i, axis) for i in range(cell)) / cell
        total += weight * layer
    grey = (255 * (0.72 + 0.28 * total)).astype(np.uint8)
    return np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=-1)
