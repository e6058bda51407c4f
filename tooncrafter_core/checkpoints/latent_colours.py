"""Colours for looking at latents without a decoder: each a weighted sum of the latent's channels.

They go into a safetensors file's metadata, because every autoencoder has its own.

Legend: n frames, c channels, h w space; pictures in [-1, 1].
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import CheckpointError
from ..models.autoencoder.autoencoder import Autoencoder
from .kept_texts import LATENT_RGB_KEY

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class LatentColours:
    """What turns a latent, in the denoiser's scale, into red, green and blue in [-1, 1]."""

    factors: tuple[Colour, ...]
    """What one of each channel adds."""
    bias: Colour
    """The colour of a latent of zeros."""

    def __call__(self, latents: Tensor) -> Tensor:
        """``n c h w`` latents to ``n 3 h w``."""
        factors = torch.tensor(self.factors).to(latents)
        bias = torch.tensor(self.bias).to(latents)
        return torch.einsum("nchw,cr->nrhw", latents, factors) + bias[:, None, None]


@torch.no_grad()
def latent_rgb_factors(
    autoencoder: Autoencoder, frames: Tensor, latent_scale: float
) -> LatentColours:
    """Fit the mean colour of the pixels under each latent to it, by least squares.

    ``frames`` are ``n 3 h w``, with sides that the autoencoder's downsampling divides.
    """
    home = next(autoencoder.parameters())
    means = [autoencoder.encode(frame[None].to(home)).mean for frame in frames]
    latents = torch.cat(means).double().cpu() * latent_scale
    colours = F.avg_pool2d(frames.double().cpu(), autoencoder.config.downsampling)
    known = rearrange(latents, "n c h w -> (n h w) c")
    wanted = rearrange(colours, "n c h w -> (n h w) c")
    with_one = torch.cat([known, torch.ones_like(known[:, :1])], dim=1)
    *factors, bias = torch.linalg.lstsq(with_one, wanted).solution.tolist()
    return LatentColours(tuple(map(_colour, factors)), _colour(bias))


def latent_rgb_metadata(colours: LatentColours) -> dict[str, str]:
    """The metadata that keeps them."""
    return {LATENT_RGB_KEY: json.dumps({"factors": colours.factors, "bias": colours.bias})}


def stored_latent_rgb(
    metadata: Mapping[str, str], channels: int, name: str = "the checkpoint"
) -> LatentColours | None:
    """The colours in a file's metadata for latents of so many channels, None when it has none.

    ``CheckpointError`` for an entry that is something else.
    """
    if LATENT_RGB_KEY not in metadata:
        return None
    try:
        found = json.loads(metadata[LATENT_RGB_KEY])
        colours = LatentColours(tuple(map(_colour, found["factors"])), _colour(found["bias"]))
    except (ValueError, TypeError, KeyError) as error:
        raise _unusable(name, f"{type(error).__name__}: {error}") from error
    if len(colours.factors) != channels:
        raise _unusable(name, f"{len(colours.factors)} channels, the latents have {channels}")
    return colours


def _colour(values: list[float]) -> Colour:
    """Three finite numbers; ``ValueError`` for anything else."""
    red, green, blue = (round(float(value), 5) for value in values)
    if not all(map(math.isfinite, (red, green, blue))):
        raise ValueError("a colour that is not a number")
    return red, green, blue


def _unusable(name: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{name} has colours of latents in its metadata ({LATENT_RGB_KEY}) that cannot be used: "
        f"{reason}. Convert the original file again."
    )
