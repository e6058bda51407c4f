"""What a small decoder makes each pixel of: the keyframes, moved or as they are, or what it drew.

Where nothing explains a frame, a mixture of both keyframes shows each of them faintly, and the
nearer one alone is the better picture; so how near each is speaks for it from the first level on.
And a thing is seen as one where it is taken from one picture: at last pixels choose together, which
no weights learn. In training each pixel answers for itself, else it would learn to outshout others.

Legend: t frames, c channels, h w space, n pictures (5): both keyframes moved, both as they are, and
what was drawn.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...layers.operations import Factory, Operations
from ..initialization import zero

if TYPE_CHECKING:
    from typing_extensions import Unpack

PICTURES = 5
"""The pictures of a mixture, in the order of the legend."""
LARGEST_CHANGE = 5.0
"""What a layer can add to a picture's weight; see ``reference_warp``."""
HIDDEN = 24
FIRST_AGREEMENT = (2.0, 10.0)
"""What speaks for a keyframe as it is where both show the same, and how soon that wears off."""
FIRST_TIME_PRIOR = (3.0, 3.0)
"""What speaks for the first keyframe next to it and against it next to the last, moved and as it
is."""
COARSE = 4
"""Pixels across and down that always choose alike."""
TOGETHER = (3, 7, 17)
"""Sides of the squares, of such groups, that have a say in what the one in their middle takes.
Wider ones would drown a small thing that a sketch moves."""
SAY = (1.0, 1.5, 1.5)
"""What the mean of each square counts."""
NEARER = 15.0
"""What speaks for the nearer keyframe then, moved or as it is, next to it and against the other."""
EVIDENCE = 4
"""Channels besides features and pictures: where either pair disagrees, and the time, twice."""


class PictureChoice(nn.Module):
    """Weighs the pictures at their own size."""

    def __init__(
        self, channels: int, out_channels: int, operations: Operations, **factory: "Unpack[Factory]"
    ) -> None:
        """``channels`` of the features at the picture's size."""
        super().__init__()
        conv = operations.Conv2d
        seen = channels + 4 * out_channels + PICTURES + EVIDENCE
        self.look = conv(seen, HIDDEN, 3, padding=1, **factory)
        self.deepen = conv(HIDDEN, HIDDEN, 3, padding=2, dilation=2, **factory)
        self.weights = conv(HIDDEN, PICTURES, 3, padding=1, **factory)
        self.agreement = nn.Parameter(torch.empty(len(FIRST_AGREEMENT), **factory))
        self.time_prior = nn.Parameter(torch.empty(len(FIRST_TIME_PRIOR), **factory))

    @torch.no_grad()
    def init_weights(self) -> None:
        """Let it begin by what speaks for a picture beforehand, and add nothing."""
        zero(self.weights)
        self.agreement.copy_(torch.tensor(FIRST_AGREEMENT))
        self.time_prior.copy_(torch.tensor(FIRST_TIME_PRIOR))

    def by_time(self, time: Tensor) -> Tensor:
        """What speaks for each picture ``t n 1 1``, float32, at ``time`` (t, 0 to 1)."""
        return _by_nearness(time, *self.time_prior.float())

    def forward(self, x: Tensor, pictures: Tensor, weights: Tensor, time: Tensor) -> Tensor:
        """The weights ``t n h w``, float32, improved.

        Args:
            x: t c h w features.
            pictures: t 4 c h w, all but what is drawn, float32.
            weights: t n h w, what the levels below found, float32.
            time: t, of the frames, 0 at the first keyframe and 1 at the last.
        """
        apart = (pictures[:, [0, 2]] - pictures[:, [1, 3]]).abs().mean(2)
        sooner = (1 - 2 * time.float()).view(-1, 1, 1, 1).expand_as(apart[:, :1])
        known = torch.cat([weights / LARGEST_CHANGE, apart, sooner, sooner.abs()], dim=1)
        h = F.silu(self.look(torch.cat([x, pictures.flatten(1, 2).to(x), known.to(x)], dim=1)))
        h = h + F.silu(self.deepen(h))
        weights = weights + bounded(self.weights(h), LARGEST_CHANGE)
        largest, wearing = self.agreement.float()
        agree = largest * torch.exp(-wearing * F.avg_pool2d(apart[:, 1:], 5, 1, 2))
        return weights + F.pad(agree.expand(-1, 2, -1, -1), (0, 0, 0, 0, 2, 1))


def bounded(change: Tensor, largest: float) -> Tensor:
    """The same while it is small, and never more than ``largest``; float32."""
    return largest * torch.tanh(change.float() / largest)


def choose_together(weights: Tensor, time: Tensor) -> Tensor:
    """The weights ``t n h w``, float32, of pixels that choose with those around them.

    ``time`` (t) of the frames, 0 at the first keyframe and 1 at the last.
    """
    coarse = F.avg_pool2d(weights, COARSE)
    heard = [say * mean_around(coarse, side) for say, side in zip(SAY, TOGETHER, strict=True)]
    agreed = torch.stack(heard).sum(0)
    agreed = F.interpolate(agreed, weights.shape[-2:], mode="bilinear", align_corners=False)
    nearer = weights.new_tensor(NEARER)
    return agreed + _by_nearness(time, nearer, nearer)


def mean_around(maps: Tensor, side: int) -> Tensor:
    """Maps ``n c h w``, each pixel the mean of a square around it; an edge goes on as it ends."""
    for sides in ((side, 1), (1, side)):
        down, right = (length // 2 for length in sides)
        maps = F.pad(maps, (right, right, down, down), mode="replicate")
        maps = F.avg_pool2d(maps, sides, stride=1)
    return maps


def _by_nearness(time: Tensor, moved: Tensor, still: Tensor) -> Tensor:
    """``t n 1 1``: for the first keyframe at time 0 and against it at 1, and the last likewise."""
    sooner = (1 - 2 * time.float()).view(-1, 1, 1, 1)
    none = torch.zeros_like(sooner)
    return torch.cat(
        [moved * sooner, -moved * sooner, still * sooner, -still * sooner, none], dim=1
    )
