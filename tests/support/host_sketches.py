"""Sketches and the tiny sketch encoder as ComfyUI's objects, for tests in `tests/comfyui`."""

from collections.abc import Callable
from typing import Any

import torch
from tooncrafter_pack.nodes.bridge.control import SketchControl
from tooncrafter_pack.nodes.bridge.encoders.sketch import load_sketch_control
from tooncrafter_pack.nodes.sketch import ToonCrafterSketchGuidance
from torch import Tensor

import nodes as host_nodes
from support.host_models import Conditioning, HostModels
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder
from tooncrafter_core.config.presets import TINY_SKETCH

Ready = tuple[Conditioning, Conditioning, dict[str, Any]]


def tiny_control() -> SketchControl:
    """What 'Load ToonCrafter Sketch Encoder' gives for the tiny sketch encoder."""
    return load_sketch_control(made_up_sketch_encoder(), TINY_SKETCH)


def drawings(number: int = 1, height: int = 64, width: int = 64) -> Tensor:
    """An IMAGE of black strokes on white, each picture another."""
    image = torch.ones(number, height, width, 3)
    for index in range(number):
        column = (7 * index + 5) % (width - 4)
        image[index, 4:-4, column : column + 2] = 0
        image[index, height // 2 : height // 2 + 2, 4:-4] = 0
    return image


def guide(
    ready: Ready,
    control: Any,
    sketches: Tensor,
    frames: str,
    strength: float = 0.6,
    start: float = 0.0,
    end: float = 1.0,
    polarity: str = "auto",
    other_frames: str = "empty",
) -> Ready:
    """'ToonCrafter Sketch Guidance'."""
    positive, negative, latent = ready
    result = ToonCrafterSketchGuidance.execute(
        positive, negative, control, sketches, frames, strength, start, end, polarity, other_frames
    ).args
    return result[0], result[1], latent


def guide_by_stock_node(
    ready: Ready, control: Any, sketches: Tensor, strength: float = 0.6, start: float = 0.0,
    end: float = 1.0,
) -> Ready:  # fmt: skip
    """ComfyUI's 'Apply ControlNet'."""
    positive, negative, latent = ready
    apply = host_nodes.ControlNetApplyAdvanced().apply_controlnet
    return *apply(positive, negative, control, sketches, strength, start, end), latent


def control_of(ready: Ready) -> SketchControl:
    """The control that a conditioning carries."""
    return ready[0][0][1]["control"]


def residuals(
    models: HostModels, control: SketchControl, x: Tensor, timestep: int = 500
) -> list[Tensor]:
    """What the control gives for noisy latents, part by part; empty when it gives nothing."""
    sampling = models.model.get_model_object("model_sampling")
    text = models.prompt("an anime scene")[0][0]
    tokens = torch.ones(1, x.shape[2], 16, text.shape[-1])
    reported = {"c_crossattn": text, "image_context": tokens}
    models.model.pre_run()
    try:
        control.pre_run(models.model.model, sampling.percent_to_sigma)
        with torch.no_grad():
            given = control.get_control(
                x, sampling.sigma(torch.tensor([timestep])), reported, 1, {}
            )
    finally:
        models.model.cleanup()
    return [] if given is None else [*given["output"], *given["middle"]]


def counted(original: Callable[..., Any], seen: list[int]) -> Callable[..., Any]:
    """A method that notes the length of its first argument."""

    def method(self: Any, x: Tensor, *args: Any, **options: Any) -> Any:
        seen.append(x.shape[0])
        return original(self, x, *args, **options)

    return method
