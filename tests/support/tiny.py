"""The tiny model, ready to use, a file of it, and one on which rounding stays rounding."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from tooncrafter_core.checkpoints import Models, build_models, save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.config.presets import TINY, TINY_SKETCH

STEADY = replace(
    TINY,
    unet=replace(TINY.unet, norm_groups=8),
    autoencoder=replace(TINY.autoencoder, norm_groups=8),
)
"""The tiny model for results that are compared with those of another way to compute them.

At 64x64 the tiny denoiser's middle has one pixel, and 32 groups for 64 channels make each norm
there one of two numbers. That is a step: it gives 1 and -1 whichever way they differ, and where
they hardly do, one more bit of rounding changes the gradients behind it by a thousandth. Norms of
8 numbers or more hand a rounding on as it came.
"""

STEADY_SKETCH = replace(TINY_SKETCH, norm_groups=8)
"""A sketch encoder for it."""


@cache
def tiny_models() -> Models:
    """Every network of the tiny preset with made-up weights; for reading only."""
    return build_models(made_up_checkpoint())


@cache
def steady_models() -> Models:
    """The tiny model's networks with norms of more numbers; for reading only."""
    return build_models(made_up_checkpoint(STEADY))


def write_tiny(path: Path) -> Path:
    """Write the tiny checkpoint and return its path."""
    save_checkpoint(made_up_checkpoint(), path, config=TINY)
    return path
