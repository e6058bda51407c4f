"""The MODEL under ComfyUI's memory manager and with LoRAs, on a tiny model in the test process."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import comfy.lora
import comfy.model_patcher
import comfy.sd
import pytest
import torch
from tooncrafter_pack.nodes.bridge.denoiser import load_model
from torch import Tensor

from support.checkpoints import tiny_tensors
from support.host_models import HostModels, relative, run_sampler
from tooncrafter_core.checkpoints import Checkpoint
from tooncrafter_core.conditioning.build import keyframes_everywhere
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.device.memory import denoiser_bytes

Ready = tuple[Any, Any, dict[str, Any]]

PREFIX = "model.diffusion_model."
MODEL_PREFIX = "diffusion_model."


def new_model(
    changed: Mapping[str, Tensor] | None = None,
    weight_dtype: torch.dtype = torch.float32,
    config: ModelConfig = TINY,
) -> Any:
    """A MODEL of its own, with some tensors changed."""
    tensors = {**tiny_tensors(with_buffers=False), **(changed or {})}
    return load_model(Checkpoint.from_tensors(tensors), config, weight_dtype)


def sampled(model: Any, ready: Ready) -> Tensor:
    """A short run without guidance, which would magnify rounding."""
    return run_sampler(model, *ready, steps=2, cfg=1.0)["samples"]


def scarce_memory(monkeypatch: pytest.MonkeyPatch, bytes_for_weights: int) -> None:
    """Let ComfyUI load no more than this much of a model's weights."""
    load = comfy.model_patcher.ModelPatcher.partially_load

    def part(self: Any, device: Any, extra_memory: float = 0, **options: Any) -> Any:
        return load(self, device, min(extra_memory, bytes_for_weights), **options)

    monkeypatch.setattr(comfy.model_patcher.ModelPatcher, "partially_load", part)


# Conditions


def test_a_model_that_moves_its_keyframes_is_shown_them_in_every_frame(ready: Ready) -> None:
    moving = replace(TINY, unet=replace(TINY.unet, warps_keyframes=True, in_channels=16))
    tokens, given = ready[0][0]
    noise = ready[2]["samples"]
    shown = []
    for config in (TINY, moving):
        # The weights are of no account for what they are shown.
        model = new_model().model
        model.tooncrafter = config
        conds = model.extra_conds(noise=noise, device=noise.device, cross_attn=tokens, **given)
        shown.append(conds["c_concat"].cond)
    assert torch.equal(shown[1], keyframes_everywhere(shown[0][:, :, [0, -1]], 4))


# Memory


def test_weights_larger_than_the_memory_give_the_same_clip(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = new_model()
    whole = sampled(model, ready)
    assert not model.model.model_lowvram
    model.detach()

    small = new_model()
    scarce_memory(monkeypatch, small.model_size() // 3)
    part = sampled(small, ready)
    assert small.model.model_lowvram
    assert small.model.model_loaded_weight_memory < small.model_size() / 2
    assert relative(part, whole) < 1e-5
    small.detach()


def test_memory_is_asked_for_what_a_pass_takes(
    tiny: HostModels, ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    estimate = type(tiny.model.model).memory_required

    def watched(self: Any, *args: Any, **kwargs: Any) -> float:
        asked.append(estimate(self, *args, **kwargs))
        return asked[-1]

    monkeypatch.setattr(type(tiny.model.model), "memory_required", watched)
    run_sampler(tiny.model, *ready)
    counted = denoiser_bytes(TINY.unet, 1, *ready[2]["samples"].shape[2:], 4)
    # ComfyUI asks for the conditional and the unconditional pass together at first.
    assert asked and all(counted <= value <= 2 * 1.5 * counted for value in asked)


def test_memory_estimate_grows_with_batch_frames_and_size(tiny: HostModels) -> None:
    estimate = tiny.model.model.memory_required
    base = estimate((1, 4, 16, 40, 64))
    assert estimate((2, 4, 16, 40, 64)) == pytest.approx(2 * base)
    assert estimate((1, 4, 32, 40, 64)) == pytest.approx(2 * base)
    assert estimate((1, 4, 16, 80, 64)) == pytest.approx(2 * base)
    assert estimate([1, 4, 16, 40, 64], cond_shapes={}) == base


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_smaller_weights_draw_nearly_the_same_clip(ready: Ready, dtype: torch.dtype) -> None:
    full, small = new_model(), new_model(weight_dtype=dtype)
    assert small.model_size() < 0.6 * full.model_size()
    expected, found = sampled(full, ready), sampled(small, ready)
    assert torch.isfinite(found).all()
    deviation = (found - expected).std() / expected.std()
    assert deviation < (0.5 if dtype is torch.float8_e4m3fn else 0.1)


# LoRA


def attention_layers(model: Any) -> list[str]:
    """Names of every matrix of the attention layers, as LoRA files spell them."""
    parts = (".to_q", ".to_k", ".to_v", ".to_out.0", ".to_k_ip", ".to_v_ip")
    names = (name.removesuffix(".weight") for name in model.model.state_dict())
    return [
        name.removeprefix(MODEL_PREFIX)
        for name in names
        if name.startswith(MODEL_PREFIX) and name.endswith(parts)
    ]


def test_lora_keys_cover_every_attention_layer(tiny: HostModels) -> None:
    key_map = comfy.lora.model_lora_keys_unet(tiny.model.model, {})
    layers = attention_layers(tiny.model)
    assert len(layers) > 50
    assert any(layer.endswith("to_k_ip") for layer in layers)
    for layer in layers:
        target = f"{MODEL_PREFIX}{layer}.weight"
        assert key_map["lora_unet_" + layer.replace(".", "_")] == target
        assert key_map[MODEL_PREFIX + layer] == target


def made_up_lora(model: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A LoRA for attention, and for convolutions in space and in time; and what it adds."""
    generator = torch.Generator().manual_seed(0)
    weights = model.model.state_dict()
    convolutions = [
        "input_blocks.1.0.in_layers.2", "input_blocks.1.0.temopral_conv.conv1.2",
        "middle_block.0.temopral_conv.conv4.3",
    ]  # fmt: skip
    lora, added = {}, {}
    for layer in [*attention_layers(model), *convolutions]:
        weight = weights[f"{MODEL_PREFIX}{layer}.weight"]
        rank, rows = 4, weight.shape[0]
        up = torch.randn(rows, rank, *[1] * (weight.ndim - 2), generator=generator)
        down = torch.randn(rank, *weight.shape[1:], generator=generator)
        up, down = 0.2 * up / rank**0.5, down / weight[0].numel() ** 0.5
        name = "lora_unet_" + layer.replace(".", "_")
        lora |= {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}
        lora[f"{name}.alpha"] = torch.tensor(2.0)
        product = up.flatten(1) @ down.flatten(1)
        added[layer] = 2.0 / rank * product.reshape(weight.shape)
    return lora, added


@pytest.fixture(scope="module")
def lora_and_merged(tiny: HostModels, ready: Ready) -> tuple[dict[str, Tensor], Tensor]:
    """A LoRA, and the clip of a model into which it was merged by hand at strength 0.8."""
    lora, added = made_up_lora(tiny.model)
    official = tiny_tensors(with_buffers=False)
    keys = {layer: f"{PREFIX}{layer}.weight" for layer in added}
    merged = {key: official[key] + 0.8 * added[layer] for layer, key in keys.items()}
    return lora, sampled(new_model(merged), ready)


def test_lora_does_what_merging_it_by_hand_does(
    tiny: HostModels, ready: Ready, lora_and_merged: tuple[dict[str, Tensor], Tensor],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    lora, merged = lora_and_merged
    before = sampled(tiny.model, ready)
    with_lora, _ = comfy.sd.load_lora_for_models(tiny.model, None, lora, 0.8, 0.0)
    assert "not loaded" not in caplog.text.lower()
    found = sampled(with_lora, ready)
    assert relative(found, merged) < 1e-4
    assert relative(found, before) > 0.05
    assert relative(sampled(tiny.model, ready), before) < 1e-5


def test_lora_works_on_weights_larger_than_the_memory(
    ready: Ready, lora_and_merged: tuple[dict[str, Tensor], Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    lora, merged = lora_and_merged
    with_lora, _ = comfy.sd.load_lora_for_models(new_model(), None, lora, 0.8, 0.0)
    scarce_memory(monkeypatch, with_lora.model_size() // 3)
    found = sampled(with_lora, ready)
    assert with_lora.model.model_lowvram
    assert relative(found, merged) < 1e-4
    with_lora.detach()
