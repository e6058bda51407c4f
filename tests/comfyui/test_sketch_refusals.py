"""Sketches that cannot be used in ComfyUI: one clear sentence each."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import comfy.controlnet
import comfy.model_base
import comfy.model_patcher
import comfy.supported_models
import folder_paths
import pytest
import torch
from tooncrafter_pack.nodes.bridge.control import SketchControl
from tooncrafter_pack.nodes.bridge.encoders.sketch import load_sketch_control
from tooncrafter_pack.nodes.sketch import LoadToonCrafterSketchEncoder
from torch import Tensor, nn

import nodes as host_nodes
from support import model_files
from support.checkpoints import tiny_tensors
from support.host_models import HostModels, run_keyframes, run_sampler
from support.host_sketches import Ready, drawings, guide, guide_by_stock_node, tiny_control
from support.refusals import assert_refused
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder
from tooncrafter_core.config.presets import TINY_SKETCH
from tooncrafter_core.errors import CheckpointError, ModelMismatchError, SketchError


@pytest.fixture(scope="module")
def control(pack: Any) -> SketchControl:
    return tiny_control()


@pytest.fixture(scope="module")
def sixteen(tiny: HostModels, keyframes: tuple[Tensor, Tensor]) -> Ready:
    """A clip of 16 frames."""
    return run_keyframes(tiny, *keyframes, frames=16)


# Frames, pictures, numbers


@pytest.mark.parametrize(
    ("frames", "count", "words"),
    [
        ("0", 1, ["no frame 0", "first frame is 1"]),
        ("17", 1, ["no frame 17", "16 frames"]),
        ("-17", 1, ["no frame -17", "16 frames"]),
        ("3, 1-4", 5, ["frame 3", "twice", "'1-4'"]),
        ("16, -1", 2, ["frame 16", "twice"]),
        ("middle", 1, ["'middle'", "no frame number"]),
        ("", 1, ["no frame number", "1, 8, -1"]),
        ("1, 8, 16", 2, ["3 frame numbers", "2 sketches"]),
        ("8", 3, ["1 frame number", "3 sketches"]),
        ("all", 3, ["'all'", "16 frames", "3 sketches"]),
    ],
)
def test_frame_numbers_that_cannot_be_are_reported(
    sixteen: Ready, control: SketchControl, frames: str, count: int, words: list[str]
) -> None:
    sketches = drawings(count)
    assert_refused(lambda: guide(sixteen, control, sketches, frames), *words, kind=SketchError)


@pytest.mark.parametrize(
    ("sketches", "words"),
    [
        (torch.ones(0, 64, 64, 3), ["no sketch", "empty"]),
        (torch.full((1, 64, 64, 3), 0.4), ["Sketch 1", "one flat colour"]),
        (torch.full((1, 64, 64, 3), float("nan")), ["not numbers"]),
    ],
    ids=["empty", "flat", "nan"],
)
def test_pictures_without_lines_are_reported(
    sixteen: Ready, control: SketchControl, sketches: Tensor, words: list[str]
) -> None:
    assert_refused(lambda: guide(sixteen, control, sketches, "1"), *words, kind=SketchError)


def test_start_after_the_end_is_reported(sixteen: Ready, control: SketchControl) -> None:
    def ask() -> Any:
        return guide(sixteen, control, drawings(), "8", start=0.8, end=0.2)

    assert_refused(ask, "start", "0.8", "end", "0.2", kind=SketchError)


def test_conditioning_without_keyframes_is_reported(
    tiny: HostModels, control: SketchControl
) -> None:
    text = tiny.prompt("a girl")
    assert_refused(
        lambda: guide((text, text, {}), control, drawings(), "8"), "ToonCrafter Keyframes", "before"
    )


def test_stock_node_with_one_sketch_for_sixteen_frames_is_reported(
    tiny: HostModels, sixteen: Ready, control: SketchControl
) -> None:
    guided = guide_by_stock_node(sixteen, control, drawings())
    assert_refused(
        lambda: run_sampler(tiny.model, *guided),
        "1 sketch", "16 frames", "ToonCrafter Sketch Guidance", kind=SketchError,
    )  # fmt: skip


def test_clip_shorter_than_the_guided_one_is_reported(
    tiny: HostModels, sixteen: Ready, control: SketchControl
) -> None:
    positive, negative, latent = guide(sixteen, control, drawings(), "12")
    short = {**latent, "samples": latent["samples"][:, :, :8]}
    assert_refused(
        lambda: run_sampler(tiny.model, positive, negative, short), "no frame 12", "8 frames"
    )


# Networks of other models


def other_controls() -> list[Any]:
    """Objects of ComfyUI for other models, empty of meaning."""
    adapter = nn.Linear(1, 1)
    return [
        comfy.controlnet.ControlNet(nn.Linear(1, 1), load_device=torch.device("cpu")),
        comfy.controlnet.T2IAdapter(adapter, 3, 8, "nearest-exact", device=torch.device("cpu")),
    ]


@pytest.mark.parametrize("index", [0, 1], ids=["ControlNet", "T2IAdapter"])
def test_control_of_another_model_is_reported(tiny: HostModels, ready: Ready, index: int) -> None:
    other = other_controls()[index]
    name = type(other).__name__
    assert_refused(
        lambda: guide(ready, other, drawings(), "2"),
        name, "Load ToonCrafter Sketch Encoder", kind=ModelMismatchError,
    )  # fmt: skip
    applied = guide_by_stock_node(ready, other, drawings())
    assert_refused(
        lambda: run_sampler(tiny.model, *applied),
        name, "not made for", "Load ToonCrafter Sketch Encoder", kind=ModelMismatchError,
    )  # fmt: skip


def test_control_of_another_model_below_ours_is_reported(
    tiny: HostModels, ready: Ready, control: SketchControl
) -> None:
    both = guide(guide_by_stock_node(ready, other_controls()[0], drawings()), control, drawings(),
                 "2")  # fmt: skip
    assert_refused(lambda: run_sampler(tiny.model, *both), "ControlNet", "not made for")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"context_dim": 96}, ["text tokens of width 96", "64"]),
        ({"model_channels": 64}, ["model_channels 64", "32"]),
    ],
)
def test_sketch_encoder_for_another_denoiser_is_reported(
    tiny: HostModels, ready: Ready, change: dict[str, Any], words: list[str]
) -> None:
    config = replace(TINY_SKETCH, **change)
    other = load_sketch_control(made_up_sketch_encoder(config), config)
    for guided in (
        guide(ready, other, drawings(), "2"),
        guide_by_stock_node(ready, other, drawings(4)),
    ):
        assert_refused(
            lambda guided=guided: run_sampler(tiny.model, *guided),
            "sketch encoder", "another model", *words, kind=ModelMismatchError,
        )  # fmt: skip


def ordinary_model() -> comfy.model_patcher.ModelPatcher:
    """A Stable Diffusion 1.5 of one level, to which no weights are given."""
    config = comfy.supported_models.SD15(
        {
            "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32,
            "num_res_blocks": [1], "channel_mult": [1], "transformer_depth": [0],
            "transformer_depth_output": [0, 0], "transformer_depth_middle": 0, "context_dim": 64,
            "use_spatial_transformer": True, "num_heads": 1, "num_head_channels": -1,
            "dtype": torch.float32,
        }
    )  # fmt: skip
    config.set_inference_dtype(torch.float32, None)
    cpu = torch.device("cpu")
    model = comfy.model_base.BaseModel(config, device=cpu)
    return comfy.model_patcher.ModelPatcher(model, load_device=cpu, offload_device=cpu)


def test_sketch_encoder_on_an_ordinary_model_is_reported(control: SketchControl) -> None:
    text = [[torch.zeros(1, 77, 64), {}]]
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    ready = guide_by_stock_node((text, text, latent), control, drawings())
    assert_refused(
        lambda: host_nodes.common_ksampler(
            ordinary_model(), 1, 2, 2.0, "euler", "normal", *ready
        ),
        "guides ToonCrafter only", "Load ToonCrafter", kind=ModelMismatchError,
    )  # fmt: skip


# Files


@pytest.fixture
def controlnet_file(pack: Any) -> Iterator[Callable[[dict[str, Tensor]], str]]:
    """Puts tensors into ComfyUI's folder of control networks while a test runs."""
    path = Path(folder_paths.get_folder_paths("controlnet")[0]) / "chosen.safetensors"

    def give(tensors: dict[str, Tensor]) -> str:
        return model_files.save(tensors, path).name

    yield give
    path.unlink(missing_ok=True)


SD15_CANNY = {
    "control_model.input_hint_block.0.weight": torch.zeros(16, 3, 3, 3),
    "control_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight": torch.zeros(8, 768),
    "control_model.zero_convs.0.0.weight": torch.zeros(8, 8, 1, 1),
}
SD15_SKETCH = {
    **SD15_CANNY,
    "control_model.input_hint_block.0.weight": torch.zeros(16, 1, 3, 3),
}
T2I_ADAPTER = {"adapter.body.0.in_conv.weight": torch.zeros(8, 8, 1, 1)}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (lambda: SD15_CANNY, ["ControlNet for Stable Diffusion 1.x", "hints of 3 channels", "768"]),
        (lambda: SD15_SKETCH, ["768"]),
        (lambda: T2I_ADAPTER, ["T2I adapter"]),
        (tiny_tensors, ["ToonCrafter checkpoint"]),
    ],
    ids=["canny", "narrow_text", "t2i", "tooncrafter"],
)
def test_file_of_another_kind_is_reported(
    controlnet_file: Callable[[dict[str, Tensor]], str],
    tensors: Callable[[], dict[str, Tensor]],
    words: list[str],
) -> None:
    name = controlnet_file(tensors())
    assert_refused(
        lambda: LoadToonCrafterSketchEncoder.execute(name, "text"),
        name, *words, "sketch_encoder.ckpt", kind=CheckpointError,
    )  # fmt: skip


def test_file_with_a_missing_tensor_is_reported(
    controlnet_file: Callable[[dict[str, Tensor]], str],
) -> None:
    checkpoint = made_up_sketch_encoder()
    tensors = {key: checkpoint[key] for key in checkpoint.info}
    del tensors["control_model.middle_block_out.0.bias"]
    name = controlnet_file(tensors)
    assert_refused(
        lambda: LoadToonCrafterSketchEncoder.execute(name, "text"),
        name, "sketch encoder", "1 missing", "middle_block_out.0.bias", kind=CheckpointError,
    )  # fmt: skip


def test_file_that_is_not_there_is_reported(pack: Any) -> None:
    assert_refused(
        lambda: LoadToonCrafterSketchEncoder.execute("gone.safetensors", "text"),
        "gone.safetensors", "controlnet", kind=CheckpointError,
    )  # fmt: skip
