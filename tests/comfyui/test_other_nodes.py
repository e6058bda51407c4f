"""ComfyUI's own nodes that patch a MODEL: what they do to ours, or what the log says of them."""

import importlib
import logging
from typing import Any

import pytest
import torch
from tooncrafter_pack.tooncrafter_core.errors import ModelMismatchError
from torch import Tensor

from support.host_models import (
    HostModels,
    picture,
    relative,
    run_keyframes,
    run_sampler,
    tiny_models,
)


@pytest.fixture(scope="module")
def tiny(pack: Any) -> HostModels:
    return tiny_models()


def call(module: str, kind: str, *arguments: Any, **options: Any) -> Any:
    """Run a stock node, whichever way this ComfyUI writes its nodes."""
    node = getattr(importlib.import_module(f"comfy_extras.{module}"), kind)
    if hasattr(node, "define_schema"):
        result = node.execute(*arguments, **options)
    else:
        result = getattr(node(), node.FUNCTION)(*arguments, **options)
    return result[0] if isinstance(result, tuple) else result.args[0]


def draw(tiny: HostModels, model: Any, frames: int = 4) -> Tensor:
    # FreeU divides by the spread of a level, and the lowest must have more than one cell.
    ready = run_keyframes(tiny, picture(1), picture(2), frames=frames, width=128, height=128)
    return run_sampler(model, *ready)["samples"]


@pytest.mark.parametrize(
    ("kind", "neutral", "strong"),
    [
        ("FreeU", (1.0, 1.0, 1.0, 1.0), (1.3, 1.4, 0.5, 0.2)),
        ("FreeU_V2", (1.0, 1.0, 1.0, 1.0), (1.3, 1.4, 0.5, 0.2)),
    ],
)
def test_freeu_works(
    tiny: HostModels, kind: str, neutral: tuple[float, ...], strong: tuple[float, ...]
) -> None:
    plain = draw(tiny, tiny.model)
    same = draw(tiny, call("nodes_freelunch", kind, tiny.model, *neutral))
    other = draw(tiny, call("nodes_freelunch", kind, tiny.model, *strong))
    # At its neutral values it goes through a Fourier transform and back.
    assert relative(same, plain) < 1e-2
    assert relative(other, plain) > 0.05
    assert other.isfinite().all()


def test_deep_shrink_works(tiny: HostModels) -> None:
    model = call(
        "nodes_model_downscale", "PatchModelAddDownscale",
        tiny.model, 3, 2.0, 0.0, 1.0, True, "bicubic", "bicubic",
    )  # fmt: skip
    found = draw(tiny, model)
    assert found.isfinite().all()
    assert relative(found, draw(tiny, tiny.model)) > 0.05


@pytest.mark.parametrize(
    ("module", "kind", "options"),
    [
        ("nodes_tomesd", "TomePatchModel", (0.3,)),
        ("nodes_hypertile", "HyperTile", (256, 2, 0, False)),
    ],
)
def test_a_patch_without_effect_is_said_once_in_a_sampling(
    tiny: HostModels, caplog: pytest.LogCaptureFixture,
    module: str, kind: str, options: tuple[Any, ...],
) -> None:  # fmt: skip
    model = call(module, kind, tiny.model, *options)
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            draw(tiny, model)
        said = [r.message for r in caplog.records if "takes no patches" in r.message]
        assert len(said) == 1
        assert "attn1" in said[0]


@pytest.mark.parametrize(
    ("module", "kind", "options"),
    [
        ("nodes_pag", "PerturbedAttentionGuidance", (3.0,)),
        ("nodes_sag", "SelfAttentionGuidance", (0.5, 2.0)),
    ],
)
def test_a_node_that_replaces_attention_is_refused_by_name(
    tiny: HostModels, module: str, kind: str, options: tuple[Any, ...]
) -> None:
    model = call(module, kind, tiny.model, *options)
    with pytest.raises(ModelMismatchError, match="Self- or Perturbed-Attention Guidance"):
        draw(tiny, model, frames=8)


def with_windows(model: Any, length: int, axis: int) -> Any:
    """A copy of the MODEL as Context Windows (Manual) gives it."""
    from comfy.context_windows import (
        ContextFuseMethods,
        ContextSchedules,
        IndexListContextHandler,
        get_matching_context_schedule,
        get_matching_fuse_method,
    )

    model = model.clone()
    model.model_options["context_handler"] = IndexListContextHandler(
        context_schedule=get_matching_context_schedule(ContextSchedules.STATIC_STANDARD),
        fuse_method=get_matching_fuse_method(ContextFuseMethods.PYRAMID),
        context_length=length,
        context_overlap=4,
        dim=axis,
    )
    return model


@pytest.mark.parametrize(
    ("frames", "axis", "says"),
    [
        (24, 2, "'Context Windows' would draw this clip of 24 frames in windows of 16"),
        (4, 3, "'Context Windows' would cut this clip along dim 3"),
        (4, 5, "'Context Windows' would cut this clip along dim 5"),
    ],
)
def test_context_windows_that_part_a_clip_are_refused_by_name(
    tiny: HostModels, frames: int, axis: int, says: str
) -> None:
    length = 16 if axis == 2 else 8
    with pytest.raises(ModelMismatchError, match=says):
        draw(tiny, with_windows(tiny.model, length, axis), frames=frames)


@pytest.mark.parametrize("axis", [0, 2])
def test_context_windows_that_hold_the_whole_clip_change_nothing(
    tiny: HostModels, axis: int
) -> None:
    found = draw(tiny, with_windows(tiny.model, 16, axis), frames=8)
    assert torch.equal(found, draw(tiny, tiny.model, frames=8))


class NoFloat64(torch.overrides.TorchFunctionMode):
    """Stands for a device without float64, as Apple's and Intel's."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.dtype == torch.float64:
            raise TypeError(f"{func} gave float64, which this device does not have")
        return result


@pytest.mark.parametrize("sampler", ["ddim to the digit", "dpmpp_2m", "euler"])
def test_sampling_needs_no_float64(tiny: HostModels, sampler: str) -> None:
    import nodes as host_nodes

    positive, negative, clip = run_keyframes(tiny, picture(1), picture(2))
    with NoFloat64():
        if sampler == "ddim to the digit":
            found = run_sampler(tiny.model, positive, negative, clip)["samples"]
        else:
            found = host_nodes.common_ksampler(
                tiny.model, 1, 3, 7.5, sampler, "simple", positive, negative, clip
            )[0]["samples"]
    assert found.isfinite().all()
