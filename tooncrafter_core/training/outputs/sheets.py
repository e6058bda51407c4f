"""Sample sheets: rows of frames, one for each video of each clip."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ...files import write_bytes
from ...pictures.formats import encode_png
from ...pictures.levels import to_levels
from ...pictures.sheets import shown_frames

# b batch, c channels, t frames, h w space

GAP = 2


def write_sheet(videos: Mapping[str, Tensor], path: Path) -> np.ndarray:
    """Write videos ``b 3 t h w`` in [-1, 1] as a picture, ``h w 3`` uint8, and return it.

    The rows of a clip stand together, in the order of the mapping. Of many frames evenly spaced
    ones are shown, both ends among them.
    """
    sheet = compose_sheet(videos)
    write_bytes(path, encode_png(sheet))
    return sheet


def compose_sheet(videos: Mapping[str, Tensor]) -> np.ndarray:
    """The sheet, ``h w 3`` uint8."""
    clips = torch.stack([_shown(video) for video in videos.values()], dim=1)
    framed = torch.nn.functional.pad(clips, (0, GAP, 0, GAP), value=1.0)
    sheet = rearrange(framed, "b n c t h w -> (b n h) (t w) c")
    return to_levels(sheet).numpy()


def _shown(video: Tensor) -> Tensor:
    """The frames that a sheet shows."""
    return video[:, :, shown_frames(video.shape[2])].float().cpu()
