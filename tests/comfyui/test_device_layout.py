"""What ComfyUI does with weights, and how our layers find them afterwards."""

from typing import Any

import comfy.cli_args
import comfy.model_management
import pytest
import torch
from torch import nn

from support.host_models import (
    picture,
    relative,
    run_decode,
    run_keyframes,
    run_sampler,
    tiny_models,
)
from tooncrafter_core.layers.kernels import memory_order as layout


def convolutions(network: Any) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def is_arranged(layer: nn.Conv2d) -> bool:
    return layer.weight.is_contiguous(memory_format=torch.channels_last)


def test_weights_are_arranged_when_comfyui_has_moved_them(monkeypatch: pytest.MonkeyPatch) -> None:
    models = tiny_models()
    for patcher in (models.model, models.vae.patcher):
        values = [layer.weight.clone() for layer in convolutions(patcher.model)]
        assert not all(map(is_arranged, convolutions(patcher.model)))
        with monkeypatch.context() as patch:
            patch.setattr(layout, "likes_channels_last", lambda x: True)
            comfy.model_management.load_models_gpu([patcher])
        layers = convolutions(patcher.model)
        assert layers and all(map(is_arranged, layers))
        assert all(map(torch.equal, (layer.weight for layer in layers), values))


def test_it_draws_where_comfyui_was_asked_to_keep_channels_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, last = picture(1), picture(2)

    def draw() -> torch.Tensor:
        models = tiny_models()
        latent = run_sampler(models.model, *run_keyframes(models, first, last), steps=1)
        assert all(map(is_arranged, convolutions(models.model.model))) == is_forced
        return run_decode(models, latent, first, last, second_pass=False)

    is_forced = False
    expected = draw()
    is_forced = True
    monkeypatch.setattr(comfy.cli_args.args, "force_channels_last", True)
    # Sums of the same numbers in another order: a thousandth of the spread is far above it.
    assert relative(draw(), expected) < 1e-3


def test_moving_a_denoiser_still_does_all_that_torch_does() -> None:
    network = tiny_models().model.model.diffusion_model
    keys = set(network.state_dict())
    assert network.to(torch.bfloat16, memory_format=torch.channels_last) is network
    assert {weight.dtype for weight in network.parameters()} == {torch.bfloat16}
    assert all(map(is_arranged, convolutions(network)))
    frames = [layer for layer in network.modules() if isinstance(layer, nn.Conv3d)]
    order = torch.channels_last_3d
    assert frames and all(layer.weight.is_contiguous(memory_format=order) for layer in frames)
    network.to(memory_format=torch.contiguous_format)
    assert all(weight.is_contiguous() for weight in network.parameters())
    assert set(network.to("cpu").state_dict()) == keys


def test_layers_use_weights_as_they_are_stored_only_where_the_host_would() -> None:
    network: Any = tiny_models().vae.first_stage_model
    layer: Any = next(layer for layer in convolutions(network))
    x = torch.zeros(1, device=layer.weight.device, dtype=layer.weight.dtype)
    assert layer.holds_parameters(x)
    with layer.parameters_for(x) as parameters:
        assert parameters == (layer.weight, layer.bias)
    # A VAE's layers always cast: to another precision they hand out copies.
    other = x.to(torch.bfloat16)
    assert not layer.holds_parameters(other)
    with layer.parameters_for(other) as (weight, _):
        assert weight.dtype == torch.bfloat16
    layer.weight_function = [lambda weight: 2 * weight]
    assert not layer.holds_parameters(x)
    with layer.parameters_for(x) as (weight, _):
        torch.testing.assert_close(weight, 2 * layer.weight)
