"""The reconstruction loss of both autoencoder stages: L1, squared error and LPIPS.

Legend: n pictures, c channels, h w space; pictures in [-1, 1].
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ...errors import TrainingError
from ...metrics.perceptual import BACKBONES, Backbone, load_perceptual_distance


@dataclass(kw_only=True)
class ReconstructionSettings:
    """Weights of the terms, and the first step of LPIPS; a weight of 0 leaves a term out."""

    l1: float = 1.0
    mse: float = 0.0
    lpips: float = 0.1
    """The paper's weight of its decoder stage."""
    lpips_from: int = 0
    lpips_backbone: str = "alexnet"
    """``alexnet``, or ``vgg16``, which takes more time and memory; the paper does not say which."""


class ReconstructionLoss(nn.Module):
    """A weighted sum of the mean absolute and squared differences and LPIPS."""

    def __init__(self, settings: ReconstructionSettings) -> None:
        """Check the settings, and load LPIPS if it has a weight.

        ``TrainingError`` for a backbone that does not exist, and when nothing is left to learn
        from; ``MissingWeightsError`` when the weights of LPIPS are not there.
        """
        super().__init__()
        self.settings = settings
        self.distance = None
        if settings.lpips_backbone not in BACKBONES:
            raise TrainingError(
                f"lpips_backbone is one of {', '.join(BACKBONES)}; not '{settings.lpips_backbone}'."
            )
        if min(settings.l1, settings.mse, settings.lpips) < 0 or not settings.l1 + settings.mse:
            raise TrainingError(
                "The weights l1, mse and lpips must be 0 or more, and l1 or mse above it; they are "
                f"{settings.l1}, {settings.mse} and {settings.lpips}."
            )
        if settings.lpips:
            backbone = cast(Backbone, settings.lpips_backbone)
            self.distance = load_perceptual_distance(backbone)

    def forward(
        self, pictures: Tensor, truth: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum for ``n 3 h w`` pictures, and its parts before they are weighted, detached."""
        difference = pictures - truth
        parts = {}
        if self.settings.l1:
            parts["l1"] = difference.abs().mean()
        if self.settings.mse:
            parts["mse"] = difference.square().mean()
        if self.distance is not None and step >= self.settings.lpips_from:
            parts["lpips"] = self.distance(pictures, truth).mean()
        total = torch.stack([getattr(self.settings, k) * v for k, v in parts.items()]).sum()
        return total, {name: part.detach() for name, part in parts.items()}


def check_crop(width: int, height: int, multiple: int) -> None:
    """``TrainingError`` unless a crop can be encoded; 0 takes the whole side."""
    if min(width, height) < 0 or width % multiple or height % multiple:
        raise TrainingError(
            f"Sides of a crop must be multiples of {multiple}, or 0; not {width}x{height}."
        )


def mean_psnr(pictures: Tensor, truth: Tensor) -> Tensor:
    """Mean over ``n c h w`` pictures of the peak signal-to-noise ratio, in dB; 60 at most."""
    error = (pictures.clamp(-1, 1) - truth).square().flatten(1).mean(1).clamp(min=4e-6)
    return (10 * torch.log10(4 / error)).mean()
