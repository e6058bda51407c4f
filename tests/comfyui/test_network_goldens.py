"""Denoiser and autoencoder of the official program through ComfyUI's MODEL and VAE.

Every case found in TOONCRAFTER_GOLDENS is run, whatever its sizes, seeds and configuration.
"""

from pathlib import Path

import comfy.model_management
import pytest
import torch
from einops import rearrange
from tooncrafter_pack.nodes.bridge.autoencoder import ToonCrafterVAE
from torch import Tensor

from golden import cases
from golden.cases import golden_id
from support.host_goldens import Golden, assert_close, built_once, denoiser_of
from tooncrafter_core.checkpoints import Checkpoint
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.models.autoencoder.autoencoder import references_from

# Denoiser


@pytest.mark.parametrize("path", cases.found("unet_"), ids=golden_id)
@torch.no_grad()
def test_denoiser_predicts_what_the_official_one_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = Golden.read(path)
    patcher = denoiser_of(golden, monkeypatch)
    comfy.model_management.load_models_gpu([patcher])
    model, timesteps = patcher.model, golden["timesteps"]
    sampling = patcher.get_model_object("model_sampling")
    sigma = sampling.sigma(timesteps)
    # ComfyUI's samplers see the latents in other units, and the clean ones instead of v.
    x = sampling.from_network(sigma, golden["x"])
    text, image_tokens = cases.split_context(golden["context"], x.shape[2])
    default_fps = torch.full((x.shape[0],), float(golden.info["config"]["default_fs"]))
    clean = model.apply_model(
        x,
        sigma,
        c_concat=golden["concat"],
        c_crossattn=text,
        image_context=image_tokens,
        fps=golden.tensors.get("fs", default_fps),
    )
    assert_close(sampling.to_v(sigma, x, clean), golden["y"])


# Autoencoder


def lone_vae(golden: Golden) -> ToonCrafterVAE:
    config = ModelConfig(autoencoder=cases.autoencoder_config(golden.info["config"]))
    return ToonCrafterVAE(Checkpoint.from_tensors(cases.weights(golden.info)), config)


def vae_of(golden: Golden) -> ToonCrafterVAE:
    return built_once(golden.key, lambda: lone_vae(golden))


def clip_of(frames: Tensor) -> Tensor:
    return rearrange(frames, "t c h w -> 1 c t h w")


@pytest.mark.parametrize("path", cases.found("vae_"), ids=golden_id)
@torch.no_grad()
def test_vae_encodes_as_the_official_one(path: Path) -> None:
    golden = Golden.read(path)
    vae = vae_of(golden)
    video = golden["video"]
    latents = vae.encode((rearrange(video, "1 c t h w -> t h w c") + 1) / 2)
    assert_close(latents, clip_of(golden["mean"]))

    posterior = vae.encode_keyframes(rearrange(video, "1 c t h w -> t c h w"))
    assert_close(posterior.mean, golden["mean"])
    assert_close(posterior.log_variance, golden["logvar"])
    assert_close(posterior.sample(golden["noise"]), golden["z_sample"])
    ends = [feature[[0, -1]] for feature in posterior.features]
    for number, reference in enumerate(references_from(ends)):
        assert_close(reference, golden[f"ref_context.{number}"])


@pytest.mark.parametrize("path", cases.found("vae_"), ids=golden_id)
@torch.no_grad()
def test_vae_decodes_with_references_as_the_official_one(path: Path) -> None:
    golden = Golden.read(path)
    vae = vae_of(golden)
    latents = clip_of(golden["z_sample"])
    keyframes = rearrange(golden["video"][:, :, [0, -1]], "1 c r h w -> r c h w")
    video = vae.decode_with_references(latents, keyframes, second_pass=False, budget=None)
    decoded = clip_of(golden["decoded"])
    assert_close(video, decoded.clamp(-1, 1))

    # The golden goes beyond [-1, 1], where the method above has cut it.
    network = vae.first_stage_model.network
    references = references_from(network.encode(keyframes).features)
    assert_close(network.decode(latents, references), decoded)


@pytest.mark.parametrize("path", cases.found("vae_"), ids=golden_id)
def test_stock_decode_gives_the_official_picture_without_references(path: Path) -> None:
    golden = Golden.read(path)
    image = vae_of(golden).decode(clip_of(golden["z_sample"]))
    expected = clip_of(golden["decoded_noref"]).clamp(-1, 1)
    assert_close(rearrange(image, "b t h w c -> b c t h w") * 2 - 1, expected)


@cases.own_goldens_only
def test_there_are_goldens_of_every_family() -> None:
    assert all(cases.found(family) for family in ("unet_", "vae_"))
