"""The tiny model, ready to use, and a file of it."""

from functools import cache
from pathlib import Path

from tooncrafter_core.checkpoints import Models, build_models, save_checkpoint
from tooncrafter_core.checkpoints.made_up import made_up_checkpoint
from tooncrafter_core.presets import TINY


@cache
def tiny_models() -> Models:
    """Every network of the tiny preset with made-up weights; for reading only."""
    return build_models(made_up_checkpoint())


def write_tiny(path: Path) -> Path:
    """Write the tiny checkpoint and return its path."""
    save_checkpoint(made_up_checkpoint(), path, config=TINY)
    return path
