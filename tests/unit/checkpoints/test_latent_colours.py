"""Colours of latents: fitted, kept in metadata, read and refused."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tooncrafter_core.checkpoints.latent_colours import (
    LATENT_RGB_KEY,
    LatentColours,
    latent_rgb_factors,
    latent_rgb_metadata,
    stored_latent_rgb,
)
from tooncrafter_core.errors import CheckpointError

SCALE = 0.28


class LinearAutoencoder(nn.Module):
    """Latents are a known mixture of the mean colours, and one channel of something else."""

    config = SimpleNamespace(downsampling=8)

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.mixture = nn.Parameter(torch.randn(3, 3, generator=generator) + 2 * torch.eye(3))

    def encode(self, images: Tensor) -> Any:
        """Only the mean."""
        cells = F.avg_pool2d(images, 8)
        mixed = torch.einsum("nchw,cd->ndhw", cells, self.mixture) + 0.5
        detail = F.avg_pool2d((images[:, :1] - images[:, :1].mean()).abs(), 8)
        return SimpleNamespace(mean=torch.cat([mixed, detail], dim=1))


def test_known_colours_are_found_in_the_denoisers_scale() -> None:
    autoencoder: Any = LinearAutoencoder()
    frames = torch.rand(3, 3, 32, 48, generator=torch.Generator().manual_seed(2)) * 2 - 1
    colours = latent_rgb_factors(autoencoder, frames, SCALE)
    assert len(colours.factors) == 4
    latents = autoencoder.encode(frames).mean.detach() * SCALE
    assert torch.allclose(colours(latents), F.avg_pool2d(frames, 8), atol=1e-3)
    expected = torch.linalg.inv(autoencoder.mixture.detach()) / SCALE
    assert torch.allclose(torch.tensor(colours.factors[:3]), expected, atol=1e-3)


def test_metadata_keeps_them() -> None:
    colours = LatentColours(((0.25, 0.5, -1.0), (0.0, 0.125, 2.0)), (0.1, -0.2, 0.3))
    assert stored_latent_rgb(latent_rgb_metadata(colours), 2) == colours
    assert stored_latent_rgb({}, 2) is None


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"factors": [[1, 2]], "bias": [0, 0, 0]}',
     '{"factors": [[1, 2, NaN]], "bias": [0, 0, 0]}', '{"factors": 3, "bias": [0, 0, 0]}',
     '{"factors": [[1, 2, 3], [1, 2, 3]], "bias": [0, 0, 0]}'],
)  # fmt: skip
def test_an_entry_that_is_something_else_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="a file has colours"):
        stored_latent_rgb({LATENT_RGB_KEY: text}, 1, "a file")


def test_colours_are_of_the_pictures_own_kind() -> None:
    colours = LatentColours(((1.0, 0.0, 0.0),), (0.0, 0.5, 0.0))
    made = colours(cast(Tensor, torch.full((1, 1, 2, 2), 0.25, dtype=torch.float64)))
    assert made.dtype == torch.float64 and made[0, :, 0, 0].tolist() == [0.25, 0.5, 0.0]
