"""Copies with weights of their own, which ComfyUI makes for other devices and for compiling."""

from typing import Any

import comfy.model_management
import comfy.ops
import pytest
import torch
from tooncrafter_pack.nodes.sketch import LoadToonCrafterSketchEncoder
from tooncrafter_pack.tooncrafter_core.config.embedded import MINI_SKETCH as SKETCH_FILE
from torch import Tensor, nn

from support.host_models import (
    HostModels,
    mini_models,
    picture,
    run_decode,
    run_keyframes,
    run_sampler,
)
from support.host_sketches import drawings, guide

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def mini(pack: Any) -> HostModels:
    return mini_models()


def weights(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.state_dict())


def assert_own_copy(copy: nn.Module, original: nn.Module) -> None:
    found, expected = weights(copy), weights(original)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert copy is not original


def needs_copies(patcher: Any) -> None:
    if not hasattr(patcher, "cached_patcher_init") or not hasattr(patcher, "deepclone_multigpu"):
        pytest.skip("this ComfyUI makes no such copies")


@pytest.mark.parametrize("part", ["model", "clip", "clip_vision", "vae"])
def test_every_part_can_be_made_again_for_another_device(mini: HostModels, part: str) -> None:
    given = getattr(mini, part)
    patcher = given if part == "model" else given.patcher
    needs_copies(patcher)
    assert_own_copy(patcher.deepclone_multigpu(new_load_device=CPU).model, patcher.model)
    assert_own_copy(patcher.clone(force_deepcopy=True).model, patcher.model)


def test_a_copy_of_the_model_draws_the_same_clip(mini: HostModels) -> None:
    needs_copies(mini.model)
    ready = run_keyframes(mini, picture(1), picture(2))
    expected, found = (
        run_sampler(model, *ready, steps=1, cfg=1.0)["samples"]
        for model in (mini.model, mini.model.clone(force_deepcopy=True))
    )
    assert torch.equal(found, expected)


def test_sketches_go_along_to_another_device(mini: HostModels) -> None:
    needs_copies(mini.model)
    control = LoadToonCrafterSketchEncoder.execute(SKETCH_FILE, "text").args[0]
    ready = run_keyframes(mini, picture(1), picture(2))
    positive, negative, clip = guide(ready, control, drawings(), "2")
    expected = run_sampler(mini.model, positive, negative, clip, steps=2, cfg=1.0)["samples"]
    guided = positive[0][1]["control"]
    copy = guided.deepclone_multigpu(CPU, autoregister=True)
    assert guided.get_instance_for_device(CPU) is copy
    assert copy.layers == guided.layers
    assert_own_copy(copy.encoder, guided.encoder)
    assert copy.patcher in guided.get_models()
    other = [[text, {**carried, "control": copy}] for text, carried in positive]
    found = run_sampler(mini.model, other, negative, clip, steps=2, cfg=1.0)["samples"]
    assert torch.equal(found, expected)
    # A run prepares every device's part, and lets go of it.
    run_sampler(mini.model, positive, negative, clip, steps=2, cfg=1.0)
    assert not copy._features


def test_models_load_where_the_host_leaves_layers_empty_until_then(
    mini: HostModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = pytest.importorskip("comfy.memory_management")
    first, last = picture(1), picture(2)

    def draw(models: HostModels) -> Tensor:
        latent = run_sampler(models.model, *run_keyframes(models, first, last), steps=1, cfg=1.0)
        return run_decode(models, latent, first, last)

    expected = draw(mini)
    with monkeypatch.context() as patch:
        # As on an NVIDIA card since 0.16; what moves the weights there needs the card.
        patch.setattr(memory, "aimdo_enabled", True)
        if comfy.ops.manual_cast.Linear(4, 4).weight is not None:
            pytest.skip("this ComfyUI gives layers their places at once")
        models = mini_models()
    assert torch.equal(draw(models), expected)


def test_running_out_of_memory_is_known_in_every_form(pack: Any) -> None:
    from tooncrafter_pack.nodes.bridge.patchers import is_out_of_memory

    errors = [comfy.model_management.OOM_EXCEPTION("x"), torch.OutOfMemoryError("x")]
    errors += [RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"), MemoryError()]
    if hasattr(torch, "AcceleratorError"):
        errors.append(torch.AcceleratorError("CUDA error: out of memory"))
    assert all(map(is_out_of_memory, errors))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
