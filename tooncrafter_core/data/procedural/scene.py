"""Everything that a seed decides: scenery, figures, camera."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ...errors import ToonCrafterError
from .creatures import Bird, Hopper, Quadruped
from .drawing import Brush
from .faces import Portrait
from .motion import lerp
from .palette import make_palette
from .people import Actor, Walker
from .scenery import Layer, make_scenery
from .textures import PAINTS
from .things import Ball, Cart, Swing, Windmill


class Figure(Protocol):
    """Something that moves."""

    def draw(self, brush: Brush, u: float) -> None:
        """Draw it at ``u`` of the clip, 0 to 1, and mark its parts."""
        ...


FIGURES: dict[str, Any] = {
    "walker": Walker, "actor": Actor, "portrait": Portrait, "quadruped": Quadruped, "bird": Bird,
    "hopper": Hopper, "ball": Ball, "cart": Cart, "swing": Swing, "windmill": Windmill,
}  # fmt: skip
"""Classes of figures by name."""

SHARES = {
    "walker": 0.2, "actor": 0.18, "portrait": 0.12, "quadruped": 0.12, "bird": 0.08,
    "hopper": 0.1, "ball": 0.06, "cart": 0.06, "swing": 0.05, "windmill": 0.03,
}  # fmt: skip
"""How often each is the main figure."""

COMPANIONS = ("bird", "ball", "windmill", "quadruped", "walker", "cart")


DRIFTING, DRIFT = 0.6, (0.04, 0.02, 0.03)
"""Share of clips with a drifting camera, and the standard deviations of the distance right and
down, in picture heights, and of the logarithm of the scale."""


class Scene:
    """Everything that a seed decides; it draws itself at any time, size and look."""

    def __init__(
        self, seed: int, aspect: float = 1.6, kind: str | None = None, drifts: bool = False
    ) -> None:
        """``kind`` names the main figure; the seed's own without it.

        ``drifts`` moves the camera a little more in most clips, as on an old animation stand.
        """
        if kind is not None and kind not in FIGURES:
            raise ToonCrafterError(f"Clips are about {', '.join(FIGURES)}; not about {kind!r}.")
        rng = np.random.Generator(np.random.PCG64(seed))
        chosen = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        self.kind = kind or chosen
        self.palette = make_palette(rng)
        self.scenery = make_scenery(rng, self.palette, aspect)
        ground = self.scenery.ground
        self.figures: list[Figure] = [FIGURES[self.kind](rng, self.palette, aspect, ground)]
        if self.kind != "portrait" and rng.random() < 0.3:
            companion = FIGURES[str(rng.choice(COMPANIONS))]
            other = make_palette(rng)
            self.figures.insert(0, companion(rng, other, aspect, ground - 0.04))
        self.line_width = rng.uniform(0.008, 0.014)
        self.aspect = aspect
        self._camera(rng)
        # A separate generator: a seed gives the same motion in every look.
        paints = np.random.Generator(np.random.PCG64([seed, 2]))
        self.paint = int(paints.integers(PAINTS))
        self.figure_paint = int(paints.integers(PAINTS)) if paints.random() < 0.3 else None
        self.drift = (0.0, 0.0, 1.0)
        """How far the camera goes right and down, and how much nearer, over the whole clip."""
        if drifts and paints.random() < DRIFTING:
            x, y, nearer = paints.normal(0, DRIFT)
            self.drift = (float(x), float(y), math.exp(nearer))

    def _camera(self, rng: np.random.Generator) -> None:
        """Still in most clips; else an even pan or zoom."""
        self.pan = (0.0, 0.0)
        self.zoom = (1.0, 1.0)
        lot = rng.random()
        if lot < 0.28:
            way = rng.uniform(0.12, 0.45) * rng.choice([-1.0, 1.0])
            self.pan = (-way / 2, way / 2)
        elif lot < 0.4:
            near = rng.uniform(1.1, 1.35)
            self.zoom = (1.0, near) if rng.random() < 0.5 else (near, 1.0)

    @property
    def is_still(self) -> bool:
        """Whether the camera stands still."""
        stays = self.pan == (0.0, 0.0) and self.zoom == (1.0, 1.0)
        return stays and self.drift == (0.0, 0.0, 1.0)

    def draw(self, brush: Brush, u: float, with_backdrop: bool = True) -> None:
        """Everything at ``u`` of the clip, on a canvas in picture heights.

        Without the backdrop, what is behind all figures must be there already.
        """
        pan = lerp(*self.pan, u)
        right, down, nearer = self.drift
        zoom = lerp(*self.zoom, u) * nearer ** (u - 0.5)
        x = self.aspect / 2 * (1 - zoom) - right * (u - 0.5)
        y = 0.6 * (1 - zoom) - down * (u - 0.5)
        with brush.moved(x, y, sx=zoom, sy=zoom):
            if with_backdrop:
                self._layers(brush, self.scenery.behind, pan)
            brush.texture = self.figure_paint
            with brush.moved(-pan if self.kind != "portrait" else 0.0):
                for number, figure in enumerate(self.figures):
                    first = len(brush.marks)
                    figure.draw(brush, u)
                    if number:
                        brush.marks[first:] = [
                            (f"{n} {number + 1}", p) for n, p in brush.marks[first:]
                        ]
            if self.kind != "portrait":
                self._layers(brush, self.scenery.before, pan)

    def draw_backdrop(self, brush: Brush) -> None:
        """What is behind all figures, for a camera that stands still."""
        self._layers(brush, self.scenery.behind, 0.0)

    def _layers(self, brush: Brush, layers: Sequence[Layer], pan: float) -> None:
        brush.texture = self.paint
        for layer in layers:
            with brush.moved(-pan * layer.depth):
                brush.stamp(layer.drawing)
