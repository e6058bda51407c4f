"""Sketch guidance in a running ComfyUI, over HTTP and websocket, with tiny made-up weights."""

from typing import Any

import numpy as np
import pytest

from comfyui.host import Host, Prompt, RunResult
from support import model_files
from support.host_models import picture
from support.host_prompts import KEYFRAMES, SAMPLER, SAVE, interpolation, node
from support.host_sketches import drawings
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder

ENCODER, SKETCH, GUIDANCE = "20", "21", "22"
FILE = "tiny-sketch.safetensors"


@pytest.fixture(scope="module")
def sketched(stocked: Host) -> Host:
    """The running ComfyUI with the tiny sketch encoder."""
    checkpoint = made_up_sketch_encoder()
    tensors = {key: checkpoint[key] for key in checkpoint.info}
    model_files.save(tensors, stocked.base / "models" / "controlnet" / FILE)
    return stocked


def guided(images: tuple[str, str], sketch: str, **changes: Any) -> Prompt:
    """The basic graph with a sketch at its second frame; changes name the guidance's inputs."""
    prompt = interpolation(*images)
    prompt[ENCODER] = node("ToonCrafterSketchEncoderLoader", sketch_encoder=FILE, tokens="text")
    prompt[SKETCH] = node("LoadImage", image=sketch)
    inputs = {
        "positive": [KEYFRAMES, 0], "negative": [KEYFRAMES, 1], "control_net": [ENCODER, 0],
        "sketches": [SKETCH, 0], "frames": "2", "strength": 0.6, "start_percent": 0.0,
        "end_percent": 1.0, "polarity": "auto", "other_frames": "empty",
    }  # fmt: skip
    prompt[GUIDANCE] = node("ToonCrafterSketchGuidance", **{**inputs, **changes})
    prompt[SAMPLER]["inputs"] |= {"positive": [GUIDANCE, 0], "negative": [GUIDANCE, 1]}
    return prompt


def frames_of(host: Host, result: RunResult) -> np.ndarray:
    assert result.status == "success", (result.error, result.validation)
    return np.stack([host.download(record) for record in result.images(SAVE)])


def test_graph_with_a_sketch_shows_its_hint_and_draws_other_frames(
    sketched: Host, images: tuple[str, str]
) -> None:
    ink = drawings()[0].numpy()
    sketch = sketched.upload_image("pose.png", (ink * 255).astype(np.uint8))
    plain = frames_of(sketched, sketched.run(interpolation(*images)))
    result = sketched.run(guided(images, sketch))
    drawn = frames_of(sketched, result)
    assert drawn.shape == plain.shape and not np.array_equal(drawn, plain)
    (record,) = result.images(GUIDANCE)
    assert np.abs(sketched.download(record)[..., :3] - (1 - ink)).max() < 0.02
    idle = sketched.run(guided(images, sketch, strength=0.0))
    assert np.array_equal(frames_of(sketched, idle), plain)


def test_a_photograph_runs_and_its_warning_arrives(sketched: Host, images: tuple[str, str]) -> None:
    photo = (picture(3, 90, 120)[0].numpy() * 255).astype(np.uint8)
    result = sketched.run(guided(images, sketched.upload_image("photo.png", photo)))
    assert result.status == "success", result.error
    (warning,) = result.outputs[GUIDANCE]["text"]
    assert "large filled areas" in warning and warning in sketched.log()


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("strength", -0.1, "value_smaller_than_min"),
        ("strength", 10.1, "value_bigger_than_max"),
        ("end_percent", 1.5, "value_bigger_than_max"),
    ],
)
def test_server_refuses_values_out_of_range(
    sketched: Host, images: tuple[str, str], name: str, value: float, kind: str
) -> None:
    result = sketched.run(guided(images, images[0], **{name: value}))
    assert result.status == "invalid" and result.validation is not None
    (error,) = result.validation["node_errors"][GUIDANCE]["errors"]
    assert error["type"] == kind and name in error["details"]
