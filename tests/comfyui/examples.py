"""The example workflows made to run in seconds: made-up weights, two drawings, a small picture.

with Host(folder) as host:
    prepare(host.base)
    result = host.run(small_prompt("interpolation", host.object_info()))
"""

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from comfyui.host import Prompt
from comfyui.launch import PROJECT
from comfyui.workflow import load_workflow, to_prompt
from tooncrafter_core.checkpoints import save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint, made_up_sketch_encoder
from tooncrafter_core.config.presets import TINY

EXAMPLES = PROJECT / "example_workflows"
BASIC = "interpolation"
DRAWINGS = PROJECT / "docs" / "images"
DRAWING_NAMES = ("tooncrafter_first.png", "tooncrafter_last.png")
"""The two keyframes."""
FRAMES_TITLE = "Frames"
"""Of the node that shows the result."""

CHECKPOINT = "tooncrafter_tiny_made_up.safetensors"
SKETCH_ENCODER = "sketch_encoder_tiny_made_up.safetensors"
UPSCALER = "tiny_upscaler_made_up.safetensors"
WHAT_IS_THERE = """The drawings and clips of the examples are there, and the examples run as they
open, with the mini model of the pack. Models whose names say that they are made up draw pictures
that mean nothing.
"""
"""For the person who opens such a ComfyUI."""
WIDTH, HEIGHT, STEPS, CFG = 128, 64, 3, 7.5
"""Of an example in a test; the examples themselves are without guidance."""


def example_names() -> list[str]:
    """The examples there are, without their extension."""
    return sorted(path.stem for path in EXAMPLES.glob("*.json"))


def prepare(base: Path, checkpoint: Path | None = None) -> None:
    """Put made-up weights, drawings and clips where ComfyUI looks for them."""
    models = base / "models"
    for folder in ("checkpoints", "controlnet", "upscale_models"):
        (models / folder).mkdir(parents=True, exist_ok=True)
    place = models / "checkpoints" / CHECKPOINT
    if checkpoint is not None:
        shutil.copyfile(checkpoint, place)
    else:
        save_checkpoint(made_up_checkpoint(), place, config=TINY)
    save_checkpoint(made_up_sketch_encoder(), models / "controlnet" / SKETCH_ENCODER)
    save_file(doubling_upscaler(), models / "upscale_models" / UPSCALER)
    for path in drawings():
        shutil.copyfile(path, base / "input" / path.name)


def drawings() -> list[Path]:
    """Every drawing, clip and sheet of the examples."""
    endings = (".png", ".gif", ".xdts")
    return sorted(p for p in DRAWINGS.glob("tooncrafter_*") if p.suffix in endings)


def doubling_upscaler() -> dict[str, torch.Tensor]:
    """An upscaler that repeats every pixel: of a known kind, and every weight is zero."""
    width, factor = 8, 2
    return {
        "body.0.weight": torch.zeros(width, 3, 3, 3),
        "body.0.bias": torch.zeros(width),
        "body.1.weight": torch.zeros(width),
        "body.2.weight": torch.zeros(3 * factor**2, width, 3, 3),
        "body.2.bias": torch.zeros(3 * factor**2),
    }


def small_values(kind: str) -> dict[str, Any]:
    """What a node of this kind is set to, so that an example runs without published weights."""
    return {
        "ToonCrafterLoader": {
            "checkpoint": CHECKPOINT,
            "text_encoder": "none",
            "image_encoder": "none",
        },
        "ToonCrafterKeyframes": {"width": WIDTH, "height": HEIGHT},
        "ImageScale": {"width": WIDTH, "height": HEIGHT},
        "ToonCrafterCut": {"width": WIDTH, "height": HEIGHT, "steps": STEPS, "cfg": CFG},
        "EmptyImage": {"width": WIDTH, "height": HEIGHT},
        "ToonCrafterSketchEncoderLoader": {"sketch_encoder": SKETCH_ENCODER},
        "ToonCrafterSampler": {"steps": STEPS, "cfg": CFG},
        "ToonCrafterSigmas": {"steps": STEPS},
        "SamplerCustom": {"cfg": CFG},
        "KSampler": {"steps": STEPS, "cfg": CFG},
    }.get(kind, {})


def load_prompt(name: str, object_info: dict[str, Any]) -> Prompt:
    """An example as the server takes it."""
    return to_prompt(load_workflow(EXAMPLES / f"{name}.json"), object_info)


def small_prompt(name: str, object_info: dict[str, Any]) -> Prompt:
    """The same with the values above."""
    prompt = load_prompt(name, object_info)
    for node in prompt.values():
        node["inputs"] |= small_values(node["class_type"])
    return prompt


def nodes_of(prompt: Prompt, kind: str) -> list[str]:
    """Ids of the nodes of one kind."""
    return [node_id for node_id, node in prompt.items() if node["class_type"] == kind]


def frames_node(prompt: Prompt) -> str:
    """Id of the node that shows the result."""
    titled = [n for n in nodes_of(prompt, "PreviewImage")
              if prompt[n]["_meta"]["title"] == FRAMES_TITLE]  # fmt: skip
    [node_id] = titled
    return node_id
