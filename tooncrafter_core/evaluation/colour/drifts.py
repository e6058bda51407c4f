"""Drifts of colour of known size, as models make them, and the usual ways to take one back.

Clips are ``t h w 3`` in sRGB, [0, 1].
"""

import math
from collections.abc import Callable
from importlib import import_module

import torch
from torch import Tensor

Drift = Callable[[Tensor, Tensor], Tensor]
"""A clip, and for each frame how much of the drift it has, ``t 1 1 1``."""

STRENGTHS = (1 / 3, 2 / 3, 1.0)
LEAST_PART = 0.5
"""Of the drift in the first frame; the last has all of it."""
NONE, FLASH = "no drift", "flash"


def drift_of(name: str, clip: Tensor, strength: float) -> Tensor:
    """The clip with a drift that grows along it, or one flash in its middle, at 256 levels."""
    if name == FLASH:
        part = torch.zeros(len(clip), 1, 1, 1)
        part[len(clip) // 2] = strength
    else:
        part = torch.linspace(LEAST_PART, 1, len(clip)).reshape(-1, 1, 1, 1) * strength
    return (DRIFTS[name](clip, part).clamp(0, 1) * 255).round() / 255


def _gain(clip: Tensor, part: Tensor) -> Tensor:
    return clip * (1 - part * torch.tensor([0.16, 0.10, 0.20]))


def _offset(clip: Tensor, part: Tensor) -> Tensor:
    return clip + part * torch.tensor([0.06, -0.04, 0.05])


def _gamma(clip: Tensor, part: Tensor) -> Tensor:
    return clip ** (1 + 0.3 * part)


def _hue(clip: Tensor, part: Tensor) -> Tensor:
    """Turned about the grey axis, by 20 degrees at most."""
    grey = clip.mean(dim=-1, keepdim=True)
    off, angle = clip - grey, part * math.radians(20)
    axis = torch.full((3,), 3**-0.5).expand_as(off)
    return grey + off * torch.cos(angle) + torch.linalg.cross(axis, off) * torch.sin(angle)


def _flash(clip: Tensor, part: Tensor) -> Tensor:
    return clip * (1 + 0.2 * part) + 0.06 * part


def _none(clip: Tensor, _: Tensor) -> Tensor:
    return clip


DRIFTS: dict[str, Drift] = {
    NONE: _none, "gain": _gain, "offset": _offset, "gamma": _gamma, "hue": _hue, FLASH: _flash,
}  # fmt: skip


def match_means(clip: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Each frame with the mean and deviation of each channel of the nearer key."""

    def match(frame: Tensor, key: Tensor) -> Tensor:
        mean, spread = frame.mean(dim=(0, 1)), frame.std(dim=(0, 1)).clamp_min(1e-4)
        return (frame - mean) / spread * key.std(dim=(0, 1)) + key.mean(dim=(0, 1))

    return _with_nearer(clip, first, last, match)


def match_histograms(clip: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Each frame with the histogram of each channel of the nearer key."""

    def match(frame: Tensor, key: Tensor) -> Tensor:
        channels = []
        for seen, wanted in zip(frame.unbind(-1), key.unbind(-1), strict=True):
            levels = (seen * 255).round().long()
            below = levels.flatten().bincount(minlength=256).cumsum(0) / levels.numel()
            ordered = wanted.flatten().sort().values
            table = ordered[(below * (len(ordered) - 1)).round().long()]
            channels.append(table[levels])
        return torch.stack(channels, dim=-1)

    return _with_nearer(clip, first, last, match)


def scikit_histograms(clip: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """The same by scikit-image, where it is installed."""
    match_pictures = import_module("skimage.exposure").match_histograms

    def match(frame: Tensor, key: Tensor) -> Tensor:
        return torch.from_numpy(match_pictures(frame.numpy(), key.numpy(), channel_axis=-1)).float()

    return _with_nearer(clip, first, last, match)


def _with_nearer(
    clip: Tensor, first: Tensor, last: Tensor, match: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    half = len(clip) / 2
    frames = [match(frame, first if i < half else last) for i, frame in enumerate(clip)]
    return torch.stack(frames).clamp(0, 1)
