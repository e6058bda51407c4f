"""How far decoded pictures are from the true ones: what both autoencoder stages learn from.

Legend: n pictures, c channels, h w space; pictures in [-1, 1].
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..perceptual import Backbone, load_perceptual_distance


@dataclass(frozen=True, kw_only=True)
class ReconstructionSettings:
    """Weights of what is summed, and from which step on LPIPS counts; 0 leaves a part out."""

    l1: float = 1.0
    mse: float = 0.0
    lpips: float = 0.1
    """The paper's weight of its decoder stage."""
    lpips_from: int = 0
    lpips_backbone: Backbone = "alexnet"


class ReconstructionLoss(nn.Module):
    """A weighted sum of the mean absolute and squared differences and LPIPS."""

    def __init__(self, settings: ReconstructionSettings) -> None:
        """``MissingWeightsError`` when LPIPS counts and its weights are not there."""
        super().__init__()
        self.settings = settings
        self.distance = None
        if settings.lpips:
            self.distance = load_perceptual_distance(settings.lpips_backbone)

    def forward(self, pictures: Tensor, truth: Tensor, step: int) -> tuple[Tensor, dict[str, Tensor]]:
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


def psnr(pictures: Tensor, truth: Tensor) -> Tensor:
    """Mean over ``n c h w`` pictures of the peak signal-to-noise ratio, in dB; 60 at most."""
    error = (pictures.clamp(-1, 1) - truth).square().flatten(1).mean(1).clamp(min=4e-6)
    return (10 * torch.log10(4 / error)).mean()
