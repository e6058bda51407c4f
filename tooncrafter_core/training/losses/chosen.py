"""A loss for the choice among pictures at every pixel, in which each picture is compared alone.

A mixture of two pictures that do not fit each other is worse than either, so the gradient of its
error never leads from a good picture to a better one. Here each picture is compared with the truth
separately, at every pixel, and its distance is multiplied by its weight.

Legend: b batch, c channels, t frames, n pictures, h w space; pictures in [-1, 1].
"""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor

from ...metrics.perceptual import PerceptualDistance

Choice = tuple[Tensor, Tensor]
"""Pictures ``t n c h w`` and their weights ``t n h w``, which add up to 1."""


def chosen_loss(chosen: Sequence[Choice], video: Tensor, distance: PerceptualDistance) -> Tensor:
    """The expected perceptual distance when each pixel is sampled by its weights.

    Args:
        chosen: pictures and weights of each clip.
        video: b c t h w, the true frames.
        distance: measures where pictures differ; only the weights get gradients from it.
    """
    losses = []
    for (pictures, weights), clip in zip(chosen, video, strict=True):
        truth = clip.transpose(0, 1).float()
        with torch.no_grad():
            apart = distance.where(rearrange(pictures, "t n c h w -> (n t) c h w"), truth)
        apart = rearrange(apart, "(n t) h w -> t n h w", t=len(truth))
        losses.append((weights * apart).sum(1).mean())
    return torch.stack(losses).mean()
