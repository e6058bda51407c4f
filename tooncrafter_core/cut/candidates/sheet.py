"""The contact sheet of candidates: a row for each, the best first, with its figures.

Legend: t frames, c channels (3), h w space; pictures in [-1, 1].
"""

from collections.abc import Mapping, Sequence

import numpy as np
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from ...pictures.levels import to_levels
from ...pictures.sheets import SheetRow, draw_sheet
from .rank import Ranked

WIDTH = 160
"""Pixels of a frame on the sheet, at most."""
TAKEN = " (taken)"


def thumbnails(clip: Tensor) -> Tensor:
    """A clip ``t 3 h w`` as small as a sheet shows it."""
    height, width = clip.shape[-2:]
    size = max(round(height * min(WIDTH / width, 1)), 1), min(width, WIDTH)
    return F.interpolate(clip.detach().float().cpu(), size, mode="area")


def candidate_sheet(
    ranked: Sequence[Ranked], shown: Mapping[str, Tensor], taken: str, heading: str
) -> np.ndarray:
    """One picture, levels ``h w 3``: a row of thumbnails for each candidate, the best first."""
    rows = [
        SheetRow(f"{one.as_text()}{TAKEN if one.name == taken else ''}", shown[one.name])
        for one in ranked
    ]
    (sheet,) = draw_sheet(rows, [heading, "Fewer points are better."])
    return rearrange(to_levels(sheet), "c h w -> h w c").contiguous().numpy()
