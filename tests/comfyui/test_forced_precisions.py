"""ComfyUI's start options that force a precision on every model, and what ours make of them."""

import logging
from functools import cache
from typing import Any

import comfy.cli_args
import comfy.model_management
import pytest
import torch
from tooncrafter_pack.tooncrafter_core.config.embedded import MINI_SKETCH as SKETCH_FILE
from tooncrafter_pack.tooncrafter_core.device.precision import inference_dtypes
from torch import Tensor

from support.host_models import (
    HostModels,
    mini_models,
    picture,
    run_decode,
    run_keyframes,
    run_sampler,
)
from tooncrafter_core.config.presets import MINI, MINI_SKETCH

NETWORKS = ("fp16_unet", "bf16_unet", "fp32_unet", "fp64_unet", "fp8_e4m3fn_unet", "fp8_e5m2_unet")
VAES = ("fp16_vae", "bf16_vae", "fp32_vae")
ENCODERS = ("fp16_text_enc", "bf16_text_enc", "fp8_e4m3fn_text_enc")


def draw(models: HostModels) -> Tensor:
    """A small clip of it."""
    first, last = picture(1), picture(2)
    ready = run_keyframes(models, first, last)
    latent = run_sampler(models.model, *ready, steps=1, cfg=1.0)
    return run_decode(models, latent, first, last)


@cache
def expected() -> Tensor:
    """The clip without any option."""
    return draw(mini_models())


@pytest.mark.parametrize("option", [*NETWORKS, *VAES, *ENCODERS])
def test_no_start_option_gives_black_frames(
    option: str, pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(comfy.cli_args.args, option):
        pytest.skip(f"this ComfyUI has no --{option}")
    wanted = expected()
    monkeypatch.setattr(comfy.cli_args.args, option, True)
    models = mini_models()
    assert models.vae.vae_dtype in inference_dtypes(MINI)
    network = models.model.model
    assert (network.manual_cast_dtype or network.get_dtype()) in inference_dtypes(MINI)
    found = draw(models)
    assert found.isfinite().all()
    # Weights of 8 bits move pictures by some levels; black frames are 0.5 away.
    assert (found - wanted).abs().mean() < 0.05


def test_it_says_so_when_it_does_not_follow_an_option(
    pack: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(comfy.cli_args.args, "fp16_vae", True)
    monkeypatch.setattr(comfy.cli_args.args, "fp16_unet", True)
    monkeypatch.setattr(comfy.model_management, "should_use_fp16", lambda *_, **__: True)
    with caplog.at_level(logging.WARNING):
        models = mini_models()
    said = [record.message for record in caplog.records if "started to compute" in record.message]
    assert len(said) == 2
    assert all("float16" in text for text in said)
    assert models.model.model.get_dtype() == torch.float16, "weights stay as they were asked for"


def test_the_sketch_encoder_follows_the_same_rule(
    pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tooncrafter_pack.nodes.sketch import LoadToonCrafterSketchEncoder

    monkeypatch.setattr(comfy.cli_args.args, "fp16_unet", True)
    monkeypatch.setattr(comfy.model_management, "should_use_fp16", lambda *_, **__: True)
    control = LoadToonCrafterSketchEncoder.execute(SKETCH_FILE, "text").args[0]
    assert control.compute_dtype in inference_dtypes(MINI_SKETCH)


def test_pictures_and_latents_in_half_precision_draw_the_same_clip(
    pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = expected()
    # What --fp16-intermediates makes of every node's results; older hosts have no such option.
    monkeypatch.setattr(comfy.cli_args.args, "fp16_intermediates", True, raising=False)
    models = mini_models()
    first, last = picture(1).half(), picture(2).half()
    *ready, clip = run_keyframes(models, first, last)
    half = {**clip, "samples": clip["samples"].half()}
    latent = run_sampler(models.model, *ready, half, steps=1, cfg=1.0)
    latent["samples"] = latent["samples"].half()
    found = run_decode(models, latent, first, last).float()
    # Half precision has steps of 1/2048 here, and 8-bit pictures of 1/255.
    assert (found - wanted).abs().mean() < 1 / 255
