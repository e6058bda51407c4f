"""Every network on a GPU against what the official ones compute, to the CPU's tolerance."""

from pathlib import Path
from typing import Any

import pytest
import torch
from einops import rearrange
from torch import Tensor

from golden.cases import (
    assert_close,
    autoencoder_config,
    found,
    golden_id,
    load_part,
    read,
    resampler_config,
    split_context,
    unet_config,
    weights,
)
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from
from tooncrafter_core.models.denoiser import Denoiser
from tooncrafter_core.models.projector import Resampler

pytestmark = pytest.mark.gpu


def read_on(device: torch.device, path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The description and the tensors of a case, those on the device."""
    data, tensors = read(path)
    return data, {name: tensor.to(device) for name, tensor in tensors.items()}


def close(found: Tensor, tensors: dict[str, Tensor], name: str, data: dict[str, Any]) -> None:
    assert_close(found.cpu(), tensors[name].cpu(), data, name)


@pytest.mark.parametrize("path", found("resampler"), ids=golden_id)
def test_projector_matches_the_official_one(path: Path, device: torch.device) -> None:
    data, tensors = read_on(device, path)
    projector = Resampler(resampler_config(data["config"]), device="meta")
    load_part(projector, weights(data), "image_proj_model.").to(device)
    close(projector(tensors["x"]), tensors, "y", data)


@pytest.mark.parametrize("path", found("unet_"), ids=golden_id)
def test_denoiser_matches_the_official_one(path: Path, device: torch.device) -> None:
    data, tensors = read_on(device, path)
    denoiser = Denoiser(unet_config(data["config"]), device="meta")
    load_part(denoiser, weights(data), "model.diffusion_model.").to(device)
    x, reported = tensors["x"], split_context(tensors["context"], tensors["x"].shape[2])
    noisy = torch.cat([x, tensors["concat"]], dim=1)
    timesteps, fps = tensors["timesteps"], tensors.get("fs")
    close(denoiser(noisy, timesteps, *reported, fps), tensors, "y", data)
    prepared = denoiser.prepare_context(*reported)
    close(denoiser(noisy, timesteps, prepared, None, fps), tensors, "y", data)


@pytest.mark.parametrize("path", found("vae_"), ids=golden_id)
def test_autoencoder_matches_the_official_one(path: Path, device: torch.device) -> None:
    data, tensors = read_on(device, path)
    autoencoder = Autoencoder(autoencoder_config(data["config"]), device="meta")
    load_part(autoencoder, weights(data), "first_stage_model.").to(device)
    video = tensors["video"]
    posterior = autoencoder.encode(rearrange(video, "b c t h w -> (b t) c h w"))
    close(posterior.mean, tensors, "mean", data)
    close(posterior.sample(tensors["noise"]), tensors, "z_sample", data)
    keyframes = rearrange(video[:, :, [0, -1]], "b c r h w -> (b r) c h w")
    references = references_from(autoencoder.encode(keyframes).features, video.shape[0])
    for number, reference in enumerate(references):
        close(reference, tensors, f"ref_context.{number}", data)
    z = rearrange(tensors["z_sample"], "(b t) c h w -> b c t h w", b=video.shape[0])
    for reported, name in ((references, "decoded"), (None, "decoded_noref")):
        for chunk in (1, 4):
            decoded = autoencoder.decode(z, reported, chunk)
            close(rearrange(decoded, "b c t h w -> (b t) c h w"), tensors, name, data)
