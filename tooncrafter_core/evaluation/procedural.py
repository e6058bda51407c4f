"""Clips to evaluate on from the procedural renderer: as many as wanted, free of any licence."""

from pathlib import Path

import torch
from einops import rearrange

from ..data.procedural import render_clip
from ..errors import check_number
from ..metrics.metric import Clip
from ..metrics.position import save_positions
from ..pictures.levels import from_levels
from ..pictures.write import write_video

MOST_CLIPS = 100_000
FIRST_SEED = 1_000_000
"""The first seed; training uses seeds far from it."""


def procedural_clips(
    count: int, folder: Path, width: int = 512, height: int = 320, num_frames: int = 16,
    first_seed: int = FIRST_SEED,
) -> list[Clip]:  # fmt: skip
    """Draw clips into a folder, with the places of their moving parts, unless they are there.

    A model that was trained on drawn clips is measured on others: see ``first_seed`` of its recipe.
    ``ToonCrafterError`` when the renderer is not installed or cannot draw such clips.
    """
    check_number("The number of drawn clips", count, 1, MOST_CLIPS, is_whole=True)
    clips = []
    for seed in range(first_seed, first_seed + count):
        name = f"drawn_{seed}_{width}x{height}x{num_frames}"
        path, places = folder / name, folder / f"{name}.npz"
        if not places.is_file():
            drawn = render_clip(seed, width, height, num_frames)
            frames = rearrange(torch.from_numpy(drawn.frames), "t h w c -> t c h w")
            write_video(from_levels(frames), path, overwrite=True)
            save_positions(places, drawn.positions, width, height)
        clips.append(Clip(name, path, positions=places))
    return clips
