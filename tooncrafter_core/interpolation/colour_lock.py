"""A clip after decoding, with the colours of its keyframes."""

from torch import Tensor

from ..pictures.colour.lock import LockedClip, lock_colours
from ..pictures.keyframes import Keyframes
from .keyframes import fit_keyframes
from .settings import InterpolationSettings


def lock_clip(frames: Tensor, keyframes: Keyframes, settings: InterpolationSettings) -> LockedClip:
    """Colour lock for frames ``t 3 h w`` in [-1, 1] that were drawn with these settings.

    The keyframes are brought to the size of the frames as they were for drawing, and stand in
    their places afterwards.
    """
    size = settings.width, settings.height
    fitted = fit_keyframes(keyframes, size, settings.fit, multiple=1)
    restored = fitted.placement.restore(fitted.pixels)
    keys = tuple(key[None] for key in restored)
    return lock_colours(frames, Keyframes(keys, keyframes.indices))
