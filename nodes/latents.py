"""The LATENT of a clip, and what it remembers of the size that was asked for."""

from typing import Any

import torch
from torch import Tensor

from ..tooncrafter_core.pictures.fitting import FitMode

NUM_FRAMES = "frames"
FIT = "tooncrafter_fit"
"""Key in LATENT: width, height and fit that 'ToonCrafter Keyframes' was given. Plain numbers, which
samplers hand on; without them the decode node gives the size of the latents."""


def make_clip(
    keyframes: Tensor, frames: int, width: int, height: int, fit: FitMode, multiple: int
) -> dict[str, Any]:
    """An empty clip to sample, as large as the keyframes' latents b 4 2 h w."""
    batch, channels, _, rows, columns = keyframes.shape
    samples = torch.zeros(batch, channels, frames, rows, columns)
    asked = {
        "width": width,
        "height": height,
        "fit": fit,
        "multiple": multiple,
        NUM_FRAMES: frames,
    }
    return {"samples": samples, FIT: asked}


def asked_size(latent: dict[str, Any], cell: int) -> tuple[int, int, FitMode]:
    """Width, height and fit that were asked for, or the latents' own size.

    ``cell`` is how many pixels a latent spans on each side.
    """
    rows, columns = latent["samples"].shape[-2:]
    asked = latent.get(FIT, {"width": columns * cell, "height": rows * cell, "fit": "crop"})
    return asked["width"], asked["height"], asked["fit"]
