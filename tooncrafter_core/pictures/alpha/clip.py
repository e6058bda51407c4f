"""Keys with transparency for a model of three colours, and its clip with transparency again.

Legend: t frames, h w space. Pictures are in [-1, 1] here, alpha as well: -1 is clear.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ...errors import KeyframeError
from ..fitting import FitMode, fit
from ..keyframes import LARGEST_VALUE, Keyframes
from ..levels import at_levels
from .matte import ALPHA, Matte, choose_matte, lay_on, premultiplied, straight
from .take_out import take_out


def is_clear_somewhere(picture: Tensor) -> bool:
    """Whether a picture ``... c h w`` in [-1, 1] has a fourth channel that is not full."""
    # What is no number is not full either: it is refused where the keys are laid on a matte.
    return picture.shape[-3] == ALPHA + 1 and not bool((picture[..., ALPHA, :, :] >= 1).all())


def fit_clear(picture: Tensor, size: tuple[int, int], mode: FitMode) -> Tensor:
    """A picture ``1 4 h w`` of straight alpha at a width and height, ``4 h w``.

    Scaled as light: what is clear has no colour to give. Of its own size already, it stays to the
    bit.
    """
    if (picture.shape[-1], picture.shape[-2]) == size:
        return picture[0]
    light = premultiplied((picture + 1) / 2) * 2 - 1
    scaled, placement = fit(light, *size, mode, 1)
    return straight((placement.restore(scaled)[0] + 1) / 2) * 2 - 1


def on_matte(keys: Sequence[Tensor], places: Sequence[int]) -> tuple[Keyframes, Matte]:
    """Keys ``4 h w`` on a matte that is far from all their colours, at 256 levels; and the matte.

    ``KeyframeError`` for keys of which one has no alpha or is all clear, and when no matte is far.
    """
    matte = matte_of(keys)
    return Keyframes(tuple(laid_on(key, matte)[None] for key in keys), tuple(places)), matte


def matte_of(keys: Iterable[Tensor]) -> Matte:
    """A matte for keys ``4 h w``, each of which is looked at once; errors as for ``on_matte``."""
    return choose_matte(_unit(key, number) for number, key in enumerate(keys, start=1))


def laid_on(key: Tensor, matte: Matte) -> Tensor:
    """A key ``4 h w`` on its matte, ``3 h w`` at 256 levels."""
    return at_levels(lay_on(_clamped(key), matte.colour) * 2 - 1)


def _unit(key: Tensor, number: int) -> Tensor:
    """A key in [0, 1], once it is known to be a picture."""
    if not torch.isfinite(key).all() or key.abs().max() > LARGEST_VALUE:
        raise KeyframeError(
            f"Key {number} has values that are not numbers or beyond black and white: the "
            "step that made this picture failed."
        )
    return _clamped(key)


def _clamped(key: Tensor) -> Tensor:
    return ((key.float() + 1) / 2).clamp(0, 1)


def with_alpha(
    frames: Tensor, matte: Matte, keys: Sequence[Tensor], places: Sequence[int]
) -> Tensor:
    """Frames ``t 3 h w`` that were drawn on a matte, as ``t 4 h w`` of straight alpha.

    At the places of the keys, ``4 h w``, stand the keys themselves.
    """
    drawn = torch.stack([take_out((frame + 1) / 2, matte) for frame in frames]) * 2 - 1
    for place, key in zip(places, keys, strict=True):
        drawn[place] = key
    return drawn
