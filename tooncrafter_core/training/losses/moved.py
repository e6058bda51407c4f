"""A loss for flow: the difference of warped keyframes and true frames, at every level of the flow.

As in unsupervised optical flow (Yu et al., "Back to Basics", 2016; Meister et al., "UnFlow", 2018):
the pictures are compared at several sizes; at a small size a pixel covers much of the picture.

Legend: b batch, c channels, t frames, h w space, r references (2).
"""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from ...models.motion.flow_maps import move_references

BOTH = 0.2
"""Weight of the mean error of both keyframes, added to that of the better one. It is small because
what is hidden in one keyframe cannot be warped from it."""
SMOOTHNESS = 0.02
"""Weight of the flow's differences between neighbours, in cells, which fill flat areas."""


def moved_loss(flows: Sequence[Tensor], video: Tensor) -> Tensor:
    """Mean absolute error of warped keyframes, and a smoothness term.

    Args:
        flows: t 4 h w of every level, clip after clip, in the level's cells.
        video: b c t H W, the true frames.
    """
    levels = len(flows) // video.shape[0]
    losses = [_level(flow, video[index // levels].float()) for index, flow in enumerate(flows)]
    return torch.stack(losses).mean()


def drawn_loss(drawn: Sequence[Tensor], video: Tensor) -> Tensor:
    """Mean absolute error of drawn frames, each clip's ``t c h w``, to ``b c t h w``."""
    return (torch.stack(list(drawn)).transpose(1, 2) - video).abs().mean()


def _level(flow: Tensor, clip: Tensor) -> Tensor:
    height, width = flow.shape[-2:]
    frames = F.adaptive_avg_pool2d(rearrange(clip, "c t h w -> t c h w"), (height, width))
    keyframes = rearrange(frames[[0, -1]], "r c h w -> c r h w")
    error = (move_references(keyframes, flow) - frames.unsqueeze(1)).abs().mean(2)
    unsteady = flow.diff(dim=-1).abs().mean() + flow.diff(dim=-2).abs().mean()
    better = error.amin(1).mean()
    return (1 - BOTH) * better + BOTH * error.mean() + SMOOTHNESS * unsteady
