"""Lines of a clip against those of its keys: too soft, too hard, or ghosts of both keys.

Each measure is a number per frame, 0 where nothing is wrong.

Legend: t frames, k keys (2), c channels (3), h w space; pictures in [-1, 1].
"""

import torch
from torch import Tensor
from torch.nn import functional as F

NEAR = 5
"""Side in pixels of the square that is looked at around a pixel for ghosts."""
SAME = 4e-3
"""Mean square in which a place still counts as one of the keys."""
CHANGED = 1e-2
"""Mean square between the keys from which a place has changed."""
LEAST_SHARE = 0.12
"""Of either key in a ghost: less is the soft edge of what moves by a part of a pixel."""
_LEAST = 1e-6


def line_strength(frames: Tensor) -> Tensor:
    """How strong the lines of each frame ``t 3 h w`` are, ``t``: a logarithm.

    The energy of all edges by their length: a line that is blurred, or mixed with another picture,
    keeps its length and loses energy; more lines have more of both.
    """
    squares = _squared_slopes(frames)
    energy, length = squares.mean((1, 2, 3)), squares.sqrt().mean((1, 2, 3))
    return (energy / (length + _LEAST) + _LEAST).log()


def softness(frames: Tensor, keys: Tensor) -> Tensor:
    """How much weaker the lines of each frame are than those of the softer key."""
    return (line_strength(keys).min() - line_strength(frames)).clamp_min(0)


def hardness(frames: Tensor, keys: Tensor) -> Tensor:
    """How much stronger the lines of each frame are than those of the harder key."""
    return (line_strength(frames) - line_strength(keys).max()).clamp_min(0)


def ghosts(frames: Tensor, keys: Tensor) -> Tensor:
    """The share of what changes between the keys that shows both of them at once, ``t``.

    Around each pixel the mixture of the keys is found that is most like the frame. It is a ghost
    where it is far nearer to the frame than either key alone.
    """
    first, last = keys
    change = last - first
    changed = _around((change**2).mean(0)[None, None])
    along = _around((change * (frames - first)).mean(1, keepdim=True))
    share = (along / (changed + _LEAST)).clamp(0, 1)
    left = _around(((frames - first - share * change) ** 2).mean(1, keepdim=True))
    alone = torch.minimum(
        *(_around(((frames - key) ** 2).mean(1, keepdim=True)) for key in (first, last))
    )
    explained = (1 - left / (alone + SAME)).clamp(0, 1)
    is_mixed = (share > LEAST_SHARE) & (share < 1 - LEAST_SHARE) & (alone > SAME)
    area = (changed > CHANGED).float().mean()
    return (explained * is_mixed).mean((1, 2, 3)) / (area + CHANGED)


def _squared_slopes(frames: Tensor) -> Tensor:
    """The squared slope of the brightness at each pixel, ``t 1 h w`` without the last line."""
    grey = frames.mean(1, keepdim=True)
    across, down = grey.diff(dim=3)[:, :, :-1], grey.diff(dim=2)[..., :-1]
    return across**2 + down**2


def _around(field: Tensor) -> Tensor:
    """The mean of the pixels around each, ``n 1 h w``, twice, so that it falls off gradually."""
    for _ in range(2):
        field = F.avg_pool2d(field, NEAR, 1, NEAR // 2, count_include_pad=False)
    return field
