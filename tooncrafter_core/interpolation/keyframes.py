"""Keyframes on their way through a clip: fitted once, encoded once, and handed on.

Legend: r keyframes (2), t frames, c channels, h w space.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ..diffusion.noise import NoiseStream
from ..models.autoencoder.autoencoder import Posterior, references_from
from ..pictures.fitting import FitMode, Placement, fit
from ..pictures.keyframes import Keyframes


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedKeyframes:
    """Keyframes at the size that the model draws."""

    pixels: Tensor
    """``r 3 h w`` in [-1, 1]."""
    indices: tuple[int, ...]
    placement: Placement
    """Where the requested size lies in the size that the model draws."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EncodedKeyframes:
    """Keyframes encoded by the autoencoder."""

    latents: Tensor
    """``1 4 r h w``, float32, for the denoiser."""
    references: list[Tensor]
    """The decoder's references, each level ``1 r c h w``."""
    indices: tuple[int, ...]


def fit_keyframes(
    keyframes: Keyframes, size: tuple[int, int], mode: FitMode, multiple: int
) -> FittedKeyframes:
    """Bring keyframes to a width and height, and these to the next multiple; see ``fit``."""
    fitted = [fit(picture, *size, mode, multiple) for picture in keyframes.pictures]
    pixels = torch.cat([picture for picture, _ in fitted])
    # The same of all: it depends on the size alone, but for the bars.
    return FittedKeyframes(pixels=pixels, indices=keyframes.indices, placement=fitted[0][1])


def encoded_keyframes(
    posterior: Posterior, noise: NoiseStream, indices: tuple[int, ...], scale: float = 1.0
) -> EncodedKeyframes:
    """Draw the keyframes' latents from their posterior, with the noise of their frames.

    ``posterior`` is the autoencoder's of ``FittedKeyframes.pixels``; ``scale`` is the denoiser's,
    1 keeps that of the autoencoder. SPEC section 6.1.
    """
    z = posterior.sample(rearrange(noise.keyframes(), "1 c r h w -> r c h w")).float()
    return EncodedKeyframes(
        latents=rearrange(z, "r c h w -> 1 c r h w") * scale,
        references=references_from(posterior.features),
        indices=indices,
    )
