"""Clips that change to another clip at some frame, as at the end of a shot.

Between such keyframes nothing moves from one to the other. A model trained on them shows each as it
is, instead of a ghost of both.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

WHOLE = 1 / 3
"""Share of cuts that change the whole picture; in the others a part of it stays."""
SPREAD = 0.17
"""Standard deviation of the cut's time from the middle, as a share of the clip."""
BLOBS = (4, 6)
"""Size, down and across, of the random grid from which the changing part is made."""
PART = (0.25, 0.65)
"""Least and largest share of the picture that changes."""


def cut_to(clip: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
    """The clip, which changes to the other one at some frame, everywhere or in a part.

    Args:
        clip: c t h w, of 2 frames or more.
        other: c t h w, of the same size.
        generator: says when and where.
    """
    frames = clip.shape[1]
    moment = frames * (0.5 + SPREAD * float(torch.randn((), generator=generator)))
    first = min(max(round(moment), 1), frames - 1)
    is_whole = float(torch.rand((), generator=generator)) < WHOLE
    changes = torch.ones_like(clip[0, 0]) if is_whole else _part(clip, generator)
    late = changes * other[:, first:] + (1 - changes) * clip[:, first:]
    return torch.cat([clip[:, :first], late], dim=1)


def _part(clip: Tensor, generator: torch.Generator) -> Tensor:
    """``h w``, 1 where the picture changes: some smooth blobs."""
    least, most = PART
    share = least + (most - least) * float(torch.rand((), generator=generator))
    blobs = torch.randn((1, 1, *BLOBS), generator=generator)
    size = tuple(clip.shape[-2:])
    heights = F.interpolate(blobs, size=size, mode="bicubic", align_corners=False)[0, 0]
    return (heights > torch.quantile(heights, 1 - share)).to(clip)
