"""Which picture a decoder should choose where, each judged alone.

A mixture of two pictures that do not fit each other is worse than either, so its error never leads
from one that is good enough to one that is better. Here each picture is compared with the truth by
itself, everywhere, and its weight counts by what was found.

Legend: b batch, c channels, t frames, n pictures, h w space; pictures in [-1, 1].
"""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor

from ...metrics.perceptual import PerceptualDistance

Choice = tuple[Tensor, Tensor]
"""Pictures ``t n c h w`` and their weights ``t n h w``, which are 1 together."""


def chosen_loss(chosen: Sequence[Choice], video: Tensor, distance: PerceptualDistance) -> Tensor:
    """The perceptual distance to be expected when each pixel is taken by its weights.

    Args:
        chosen: of each clip.
        video: b c t h w, the true frames.
        distance: says where pictures differ; only the weights learn from it.
    """
    losses = []
    for (pictures, weights), clip in zip(chosen, video, strict=True):
        truth = clip.transpose(0, 1).float()
        with torch.no_grad():
            apart = distance.where(rearrange(pictures, "t n c h w -> (n t) c h w"), truth)
        apart = rearrange(apart, "(n t) h w -> t n h w", t=len(truth))
        losses.append((weights * apart).sum(1).mean())
    return torch.stack(losses).mean()
