"""Clips from seeds: the pictures, their exact line art, and where the moving parts are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ToonCrafterError, check_number, counted
from ..extras import require
from .drawing import Brush, Look
from .scene import Scene

# t frames, h w space, p moving parts

MOST_FRAMES = 10_000
SUBFRAMES = 3
SHUTTER = 0.6
"""Exposure time of the live look, as a share of the time between two frames."""
GRAIN = 5.0
"""Standard deviation in levels of the live look's grain, and the largest of the painted look."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ProceduralClip:
    """The pictures of a clip and what is known about them."""

    frames: np.ndarray
    """``t h w 3``, uint8."""
    lines: np.ndarray | None
    """``t h w``, uint8, white lines on black; None when not asked for."""
    parts: tuple[str, ...]
    """Names of the moving parts."""
    positions: np.ndarray
    """``t p 2``, float32: x and y of each part in pixels, hidden or outside ones included."""
    kind: str
    """What the clip is about, one of ``FIGURES``."""


def render_clip(
    seed: int, width: int = 256, height: int = 160, num_frames: int = 16,
    look: Look | str = Look.CARTOON, with_lines: bool = False, kind: str | None = None,
    frames: Sequence[int] | None = None,
) -> ProceduralClip:  # fmt: skip
    """Draw the clip of a seed: the same bits for the same arguments, on every run.

    ``look`` is ``cartoon``, ``live`` for the shaded one that stands for live action, ``painted``
    for old films on celluloid, or ``lines`` for the line art itself, black on white.
    ``with_lines`` adds the exact line art of each frame. ``kind`` names the main figure.
    ``frames`` draws only those, by their numbers.
    ``ToonCrafterError`` for a size, count or name that cannot be drawn.
    """
    if not (8 <= width <= 8192 and 8 <= height <= 8192) or not 1 <= num_frames <= MOST_FRAMES:
        raise ToonCrafterError(
            f"A clip of {counted(num_frames, 'frame')} of {width}x{height} cannot be drawn: it "
            f"needs 1 to {MOST_FRAMES} frames, and sides of 8 to 8192 pixels."
        )
    check_number("The seed of a drawn clip", seed, 0, 2**63, is_whole=True)
    try:
        look = Look(look)
    except ValueError:
        looks = ", ".join(one.value for one in Look)
        raise ToonCrafterError(f"Clips are drawn as {looks}; not as {look!r}.") from None
    require("skia")
    scene = Scene(seed, width / height, kind, drifts=look is Look.PAINTED)
    numbers = range(num_frames) if frames is None else frames
    moments = [number / max(num_frames - 1, 1) for number in numbers]
    pictures, marks = render_scene(scene, moments, width, height, look)
    if look is Look.LIVE:
        pictures = _live(scene, seed, numbers, num_frames, width, height)
    elif look is Look.PAINTED:
        pictures = _filmed(pictures, seed, numbers, num_frames)
    lines = None
    if with_lines:
        drawn, _ = render_scene(scene, moments, width, height, Look.LINES)
        lines = 255 - drawn[..., 0]
    names = tuple(name for name, _ in marks[0])
    places = np.array([[place for _, place in frame] for frame in marks], dtype=np.float32)
    return ProceduralClip(
        frames=pictures, lines=lines, parts=names, positions=places.reshape(len(marks), -1, 2),
        kind=scene.kind,
    )  # fmt: skip


Marks = list[tuple[str, tuple[float, float]]]


def render_scene(
    scene: Scene, moments: Sequence[float], width: int, height: int, look: Look
) -> tuple[np.ndarray, list[Marks]]:
    """``t h w 3`` uint8 at moments of the clip, and the parts' places in each."""
    pictures = np.empty((len(moments), height, width, 4), dtype=np.uint8)
    if scene.is_still:
        scene.draw_backdrop(_brush(scene, pictures[0], look))
        pictures[1:] = pictures[0]
    marks = []
    for picture, u in zip(pictures, moments, strict=True):
        brush = _brush(scene, picture, look)
        scene.draw(brush, u, with_backdrop=not scene.is_still)
        marks.append(brush.marks)
    return pictures[..., :3], marks


def _brush(scene: Scene, picture: np.ndarray, look: Look) -> Brush:
    """A brush that draws straight into ``h w 4`` pixels."""
    import skia

    height, width = picture.shape[:2]
    info = skia.ImageInfo.Make(width, height, skia.kRGBA_8888_ColorType, skia.kOpaque_AlphaType)
    surface = skia.Surface.MakeRasterDirect(info, picture, picture.strides[0])
    canvas = surface.getCanvas()
    canvas.scale(height, height)
    return Brush(canvas, look, max(scene.line_width, 1.1 / height), scene.palette.ink)


def _live(
    scene: Scene, seed: int, numbers: Sequence[int], num_frames: int, width: int, height: int
) -> np.ndarray:
    """``t h w 3`` uint8 with motion blur, soft edges and grain."""
    step = 1 / max(num_frames - 1, 1)
    total = np.zeros((len(numbers), height, width, 3), dtype=np.uint16)
    for i in range(SUBFRAMES):
        shift = (i - (SUBFRAMES - 1) / 2) * SHUTTER / SUBFRAMES
        moments = [(number + shift) * step for number in numbers]
        total += render_scene(scene, moments, width, height, Look.LIVE)[0]
    soft = _softened(_softened(total, 1), 2) // (16 * SUBFRAMES)
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    return _grained(soft, rng, GRAIN, numbers, num_frames)


def _filmed(pictures: np.ndarray, seed: int, numbers: Sequence[int], num_frames: int) -> np.ndarray:
    """``t h w 3`` uint8 as an old colour film shows them: paler, tinted, softer, with grain."""
    rng = np.random.Generator(np.random.PCG64([seed, 3]))
    pale, darkest = rng.uniform(0, 0.6), rng.uniform(0, 40)
    tint = rng.uniform(0.8, 1, 3)
    mixing = (1 - pale) * np.eye(3) + pale / 3
    by_channel = (mixing * tint * (1 - darkest / 255)).astype(np.float32)
    levels = (pictures.astype(np.float32) @ by_channel + darkest).astype(np.uint16)
    if rng.random() < 0.5:
        levels = _softened(_softened(levels, 1), 2) // 16
    return _grained(levels, rng, rng.uniform(0, GRAIN), numbers, num_frames)


def _grained(
    levels: np.ndarray, rng: np.random.Generator, deviation: float, numbers: Sequence[int],
    num_frames: int,
) -> np.ndarray:  # fmt: skip
    """``t h w 3`` uint8 from levels of 0 to 255, with grain."""
    height, width = levels.shape[1:3]
    # One grain for the clip, shifted from frame to frame: a new one for each costs too much time.
    grain = rng.normal(0, deviation, (height, width)).astype(np.int16)
    places = rng.integers(0, [height, width], (num_frames, 2))[list(numbers)]
    frames = np.empty(levels.shape, dtype=np.uint8)
    for frame, pixels, place in zip(frames, levels, places, strict=True):
        noisy = pixels.astype(np.int16)
        noisy += np.roll(grain, place, (0, 1))[..., None]
        np.clip(noisy, 0, 255, out=frame, casting="unsafe")
    return frames


def _softened(pixels: np.ndarray, axis: int) -> np.ndarray:
    """Weights 1 2 1 along an axis; four times as large."""
    ends = [(0, 0)] * pixels.ndim
    ends[axis] = (1, 1)
    wide = np.pad(pixels, ends, mode="edge")
    wide = np.moveaxis(wide, axis, 0)
    return np.moveaxis(wide[:-2] + 2 * wide[1:-1] + wide[2:], 0, axis)
