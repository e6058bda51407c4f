"""Denoiser and projector against what the official networks compute."""

from pathlib import Path

import pytest
import torch

from golden.cases import (
    assert_close,
    found,
    golden_id,
    load_part,
    own_goldens_only,
    read,
    resampler_config,
    split_context,
    unet_config,
    weights,
)
from tooncrafter_core.models.denoiser import Denoiser
from tooncrafter_core.models.projector import Resampler


@own_goldens_only
def test_there_are_goldens_to_run() -> None:
    assert len(found("unet_")) >= 3
    assert found("resampler")


@pytest.mark.parametrize("path", found("resampler"), ids=golden_id)
def test_projector_matches_the_official_one(path: Path) -> None:
    data, tensors = read(path)
    projector = Resampler(resampler_config(data["config"]), device="meta")
    load_part(projector, weights(data), "image_proj_model.")
    assert_close(projector(tensors["x"]), tensors["y"], data)


@pytest.mark.parametrize("path", found("unet_"), ids=golden_id)
def test_denoiser_matches_the_official_one(path: Path) -> None:
    data, tensors = read(path)
    denoiser = Denoiser(unet_config(data["config"]), device="meta")
    load_part(denoiser, weights(data), "model.diffusion_model.")
    x = tensors["x"]
    v = denoiser(
        torch.cat([x, tensors["concat"]], dim=1),
        tensors["timesteps"],
        *split_context(tensors["context"], x.shape[2]),
        tensors.get("fs"),
    )
    assert_close(v, tensors["y"], data)
