"""Turns drawings of any kind into the hints that the sketch encoder reads.

Legend: b batch, c channels, h w space. A hint is white lines on black, in [0, 1] (SPEC section 10).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ..errors import SketchError
from ..pictures.fitting import FitMode, Placement, fit
from .ink import background_of, is_dark_on_light
from .strength import (
    LEAST_CONTRAST,
    draws_lines,
    ink_on,
    normalised,
    over_background,
    strongest,
    thick_share,
)

Polarity = Literal["auto", "dark_on_light", "light_on_dark"]
POLARITIES: tuple[Polarity, ...] = get_args(Polarity)

FoundPolarity = Literal["dark_on_light", "light_on_dark", "alpha"]

LARGEST_VALUE = 2.0
"""Largest accepted absolute value: filters overshoot [-1, 1] a little, other scales go beyond."""

MOST_THICK_INK = 0.03
"""Largest share of the picture that thick ink may cover: line drawings have a third of this."""

LEAST_BLACK = 0.25
"""Least share of pure black in a picture that is a finished hint."""

LEAST_WHITE = 0.9
"""Least brightness of the lines of a finished hint."""

MOST_NAMED = 3
"""Largest number of sketches that a warning lists one by one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hints:
    """The hints for the sketch encoder, and what was found in the drawings."""

    hints: Tensor
    """``b 1 h w`` in [0, 1], white lines on black."""
    polarity: tuple[FoundPolarity, ...]
    """For each picture how its lines stand out; ``alpha`` when transparency draws them."""
    filled: tuple[int, ...] = ()
    """Numbers, from 1, of the pictures with large filled areas, unusual for a line drawing."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings for the user, short: a node shows two lines of 36 letters."""
        if not self.filled:
            return ()
        return (
            f"{_name_sketches(self.filled)} large filled areas. Check the hint or use line art.",
        )


def to_hint(images: Tensor, polarity: Polarity = "auto") -> Hints:
    """Find the lines of drawings on a light, dark or transparent background.

    ``images`` is ``b c h w`` in [-1, 1]: grey (1 channel), colour (3), either with transparency
    (2, 4). The background, also if tinted or unevenly lit, becomes 0 and the strongest lines 1;
    soft lines stay soft in proportion. Everything that differs from the background in any colour
    is a line. Each picture is processed on its own, and returned unchanged if it is a finished
    hint. Transparent surroundings are background; where lines are drawn by transparency alone,
    ``polarity`` has no effect. A picture that is not a line drawing is accepted with a warning.
    ``SketchError`` for an empty batch, one flat colour, wrong shapes or values (SPEC section 10).
    """
    if polarity not in POLARITIES:
        raise SketchError(f"A sketch's polarity is {', '.join(POLARITIES)}; not {polarity!r}.")
    _check_pictures(images)
    found = [_one_hint(image, polarity, i + 1) for i, image in enumerate(images.float().split(1))]
    return Hints(
        hints=torch.cat([one.hints for one in found]),
        polarity=tuple(kind for one in found for kind in one.polarity),
        filled=tuple(number for one in found for number in one.filled),
    )


def fit_hints(
    hints: Tensor, width: int, height: int, mode: FitMode = "crop", multiple: int = 64
) -> tuple[Tensor, Placement]:
    """Fit hints ``b 1 h w`` in [0, 1] to a size as ``fit`` fits the keyframes; bars are black.

    Lines that grow faint because they are drawn smaller get their strength back.
    """
    canvas, placement = fit(hints * 2 - 1, width, height, mode, multiple)
    fitted = ((canvas + 1) / 2).clamp(0, 1)
    if mode in ("pad", "official"):
        bars = torch.ones_like(fitted)
        placement.picture.cut(bars).zero_()
        fitted = fitted.masked_fill(bars.bool(), 0)
    shrinks = min(placement.picture.width / hints.shape[-1], 1.0)
    shrinks = min(placement.picture.height / hints.shape[-2], shrinks)
    if shrinks < 1:
        gains = [1 / max(strongest(hint), shrinks) for hint in fitted]
        fitted = torch.stack([h * g for h, g in zip(fitted, gains, strict=True)]).clamp(0, 1)
    return fitted, placement


def _check_pictures(images: Tensor) -> None:
    """Refuse anything but a batch of pictures in [-1, 1]."""
    if images.ndim != 4 or images.shape[1] not in (1, 2, 3, 4):
        shape = " x ".join(map(str, images.shape))
        raise SketchError(f"The sketches are no batch of pictures: their shape is {shape}.")
    if not images.shape[0]:
        raise SketchError("There is no sketch: the batch of pictures is empty.")
    if min(images.shape[-2:]) < 1:
        raise SketchError("The sketches have no pixels.")
    if not torch.isfinite(images).all():
        raise SketchError(
            "The sketches hold pixels that are not numbers (NaN or infinity): "
            "the step that made them failed."
        )
    low, high = images.aminmax()
    if low < -LARGEST_VALUE or high > LARGEST_VALUE:
        raise SketchError(
            f"The sketches have values from {low:.4g} to {high:.4g}; they must lie in [-1, 1], "
            "black to white."
        )


def _one_hint(image: Tensor, polarity: Polarity, number: int) -> Hints:
    """The hint of one picture ``1 c h w``; ``number`` is what messages call it."""
    pixels = ((image + 1) / 2).clamp(0, 1)
    low, high = pixels.amin(dim=(2, 3)), pixels.amax(dim=(2, 3))
    if (high - low).amax() < LEAST_CONTRAST:
        raise _no_lines(number)
    found: FoundPolarity
    if pixels.shape[1] in (2, 4):
        colour, alpha = pixels[:, :-1], pixels[:, -1:]
        if draws_lines(colour, alpha):
            hint = normalised(alpha - alpha.median(), torch.zeros_like(alpha))
            return _judged(hint, "alpha", number)
        pixels = over_background(colour, alpha)
    if polarity != "dark_on_light" and _is_finished(pixels):
        return Hints(hints=pixels[:, :1], polarity=("light_on_dark",))
    found = polarity if polarity != "auto" else _find_polarity(pixels)
    light = pixels if found == "dark_on_light" else 1 - pixels
    return _judged(ink_on(light, background_of(light)), found, number)


def _is_finished(pixels: Tensor) -> bool:
    """Whether a picture ``1 c h w`` in [0, 1] is a finished hint, which needs no change.

    A finished hint is grey, its lines reach white, and pure black is its most common value.
    """
    if not bool((pixels == pixels[:, :1]).all()):
        return False
    black, white = ((pixels == value).float().mean().item() for value in (0, 1))
    return black >= LEAST_BLACK and black > white and pixels.max().item() >= LEAST_WHITE


def _find_polarity(pixels: Tensor) -> FoundPolarity:
    return "dark_on_light" if is_dark_on_light(pixels) else "light_on_dark"


def _judged(hint: Tensor | None, found: FoundPolarity, number: int) -> Hints:
    """Refuse an empty hint, warn of one with large filled areas."""
    if hint is None:
        raise _no_lines(number)
    filled = (number,) if thick_share(hint) > MOST_THICK_INK else ()
    return Hints(hints=hint, polarity=(found,), filled=filled)


def _name_sketches(numbers: tuple[int, ...]) -> str:
    """The beginning of a sentence about some sketches, however many."""
    if len(numbers) == 1:
        return f"Sketch {numbers[0]} has"
    *named, last = map(str, numbers[:MOST_NAMED])
    if (more := len(numbers) - MOST_NAMED) > 0:
        named, last = [*named, last], f"{more} more"
    return f"Sketches {', '.join(named)} and {last} have"


def _no_lines(number: int) -> SketchError:
    return SketchError(
        f"Sketch {number} is one flat colour: it has no lines. Give a drawing, or leave the frame "
        "without a sketch."
    )
