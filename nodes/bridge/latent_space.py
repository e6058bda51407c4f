"""Which encoder latents come from, so that parts of different checkpoints can be named."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...tooncrafter_core.checkpoints import Checkpoint, Component
from ...tooncrafter_core.checkpoints.keys import select

VALUES = 16
"""Of every tensor of the encoder that are compared."""
CLOSE = 0.1
"""Largest relative difference of the same weights: 8-bit floats are 3 % apart from what they keep,
two trainings as far as two random tensors."""


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """An autoencoder's encoder, known by some of its weights; a file's precision does not matter.

    The decoder is left out: fine-tuned decoders read the same latents.
    """

    source: str
    """What messages call the file."""
    weights: Tensor
    """Some values of every tensor, one after another, in float32."""

    def is_same(self, other: "LatentSpace") -> bool:
        """Whether latents of the one are latents of the other."""
        if self.weights.shape != other.weights.shape:
            return False
        difference = (self.weights - other.weights).norm()
        return bool(difference <= CLOSE * torch.maximum(self.weights.norm(), other.weights.norm()))


def latent_space(checkpoint: Checkpoint) -> LatentSpace | None:
    """The latent space of a file's autoencoder, None for a file without one."""
    names = select(checkpoint.info, Component.AUTOENCODER)
    encoder = sorted(own for own in names if own.startswith(("encoder.", "quant_conv.")))
    if not encoder:
        return None
    values = [checkpoint[names[own]].flatten()[:VALUES].float() for own in encoder]
    return LatentSpace(checkpoint.name, torch.nan_to_num(torch.cat(values)))
