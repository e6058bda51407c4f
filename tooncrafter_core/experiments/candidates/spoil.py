"""True clips spoilt in known ways, as models and editors spoil them. Both ends stay.

Legend: t frames, c channels (3), h w space; pictures in [-1, 1] at 256 levels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ...interpolation.small_flow import blurred
from ...pictures.levels import at_levels
from ...pictures.sheets import cross_fade

Spoil = Callable[[Tensor, torch.Generator], Tensor]

BLUR = 1.0
"""Deviation in pixels."""
GAIN, OFFSET = 1.2, 0.12
"""Of a flash; the offset on the scale of -1 to 1."""
GHOST_FRAMES, GHOST_SHARE, GHOST_AWAY = 4, 0.45, 4
"""How many frames show another one, how strongly, and how far away that is."""
STRAY = 4
"""The height of the picture by the side of a square that goes astray."""
LEAST_FRAMES = 8
"""So that every fault finds room."""


def _faded(clip: Tensor, _: torch.Generator) -> Tensor:
    return cross_fade(clip[0], clip[-1], len(clip))


def _held(clip: Tensor, _: torch.Generator) -> Tensor:
    half = len(clip) // 2
    return torch.cat([clip[:1].expand_as(clip[:half]), clip[-1:].expand_as(clip[half:])])


def _blurred(clip: Tensor, _: torch.Generator) -> Tensor:
    return blurred(clip, BLUR)


def _sharpened(clip: Tensor, _: torch.Generator) -> Tensor:
    """As a strong filter does it: what a blur takes away is added once more."""
    return clip + (clip - blurred(clip, BLUR))


def _strayed(clip: Tensor, random: torch.Generator) -> Tensor:
    """In one frame a square shows what lies elsewhere in it."""
    spoilt = clip.clone()
    one = _somewhere(1, len(clip) - 1, random)
    height, width = clip.shape[-2:]
    side = height // STRAY
    top, left = (_somewhere(0, length - side, random) for length in (height, width))
    elsewhere = clip[one].roll((height // 2, width // 2), (1, 2))
    spoilt[one, :, top : top + side, left : left + side] = elsewhere[
        :, top : top + side, left : left + side
    ]
    return spoilt


def _swapped(clip: Tensor, random: torch.Generator) -> Tensor:
    """Two neighbouring frames changed places."""
    one = _somewhere(1, len(clip) - 2, random)
    order = list(range(len(clip)))
    order[one], order[one + 1] = order[one + 1], order[one]
    return clip[order]


def _shuffled(clip: Tensor, random: torch.Generator) -> Tensor:
    between = 1 + torch.randperm(len(clip) - 2, generator=random)
    return clip[[0, *between.tolist(), len(clip) - 1]]


def _flashed(clip: Tensor, random: torch.Generator) -> Tensor:
    spoilt = clip.clone()
    one = _somewhere(1, len(clip) - 1, random)
    spoilt[one] = ((clip[one] + 1) * GAIN - 1 + OFFSET).clamp(-1, 1)
    return spoilt


def _ghostly(clip: Tensor, random: torch.Generator) -> Tensor:
    """Some frames show a frame of a little earlier or later as well."""
    spoilt = clip.clone()
    begin = _somewhere(1, len(clip) - GHOST_FRAMES, random)
    for number in range(begin, begin + GHOST_FRAMES):
        away = number - GHOST_AWAY if number >= len(clip) // 2 else number + GHOST_AWAY
        spoilt[number] = torch.lerp(clip[number], clip[away], GHOST_SHARE)
    return spoilt


def _somewhere(begin: int, end: int, random: torch.Generator) -> int:
    return int(torch.randint(begin, end, (1,), generator=random))


SPOILT: dict[str, Spoil] = {
    "cross-fade": _faded,
    "hold": _held,
    "blur": _blurred,
    "sharpened": _sharpened,
    "a square astray in one frame": _strayed,
    "two frames swapped": _swapped,
    "shuffled": _shuffled,
    "one frame flashes": _flashed,
    "ghosts in four frames": _ghostly,
}


def spoilt_clips(clip: Tensor, seed: int) -> dict[str, Tensor]:
    """A true clip ``t 3 h w`` of 8 frames or more in every way; both ends are its own."""
    found = {}
    for name, spoil in SPOILT.items():
        random = torch.Generator().manual_seed(seed)
        made = at_levels(spoil(clip, random))
        found[name] = torch.cat([clip[:1], made[1:-1], clip[-1:]])
    return found
