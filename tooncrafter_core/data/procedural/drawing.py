"""A brush that draws the same shapes as cartoon, as line art, or shaded like live action.

Coordinates are in units of the picture's height, x to the right and y down; angles in radians.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

from .textures import Colour, grain_paint, paint, shaded

Point = tuple[float, float]

BLACK: Colour = (12, 10, 16)
WHITE: Colour = (250, 250, 250)


class Look(Enum):
    """The style in which a scene is drawn."""

    CARTOON = "cartoon"
    """Outlines and flat colours."""
    LINES = "lines"
    """The outlines alone, black on white, hidden where the cartoon hides them."""
    LIVE = "live"
    """Shaded and textured, without outlines."""
    PAINTED = "painted"
    """Outlined figures before painted scenery, as in films on celluloid."""


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
            inner = Brush(canvas, brush.look, brush.line_width, brush.ink)
            inner.texture = brush.texture
            self.draw(inner)
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
        self.texture: int | None = None
        """Number of the paint in the painted look; None for flat colours."""
        self.pen = self.stroke((0, 0, 0) if look is Look.LINES else ink, line_width)

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
        inside = skia.Paint(AntiAlias=True, Color=skia.Color(*colour))
        if self.look is Look.LIVE or (self.look is Look.PAINTED and self.texture is not None):
            inside.setShader(shaded(colour, bounds))
        return inside

    def shape(self, path: Any, colour: Colour | None, outline: bool = True) -> None:
        """Fill a path and draw its outline; ``None`` leaves the inside open."""
        if colour is not None:
            self.canvas.drawPath(path, self.inside(colour, path.getBounds()))
            if self.look is Look.LIVE:
                self.canvas.drawPath(path, grain_paint())
            elif self.look is Look.PAINTED and self.texture is not None:
                self.canvas.drawPath(path, paint(self.texture))
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
        ink = self.skia.Paint(AntiAlias=True, Color=self.skia.Color(*colour))
        self.canvas.drawOval(rect, ink)

    def box(
        self, sides: tuple[float, float, float, float], colour: Colour | None,
        radius: float = 0.0, outline: bool = True,
    ) -> None:  # fmt: skip
        """A rectangle of left, top, right and bottom, its corners rounded by ``radius``."""
        path = self.skia.Path()
        path.addRoundRect(self.skia.Rect.MakeLTRB(*sides), radius, radius)
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
            stroke = self.stroke(colour, width + self.line_width)
            stroke.setShader(shaded(colour, path.getBounds()))
            self.canvas.drawPath(path, stroke)
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
