"""Every example workflow runs in a real ComfyUI and gives frames."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from comfyui.examples import (
    BASIC,
    EXAMPLES,
    HEIGHT,
    STEPS,
    WIDTH,
    example_names,
    nodes_of,
    prepare,
    small_prompt,
)
from comfyui.host import Host
from comfyui.workflow import load_workflow

NOTES = {"Note", "MarkdownNote"}
PICTURE_LIMIT = 200_000


@pytest.fixture(scope="module")
def object_info(host: Host) -> dict[str, Any]:
    """Every node of the host, once the examples' files are in place."""
    prepare(host.base)
    return host.object_info()


def test_there_are_examples() -> None:
    assert BASIC in example_names()


@pytest.mark.parametrize("name", example_names())
def test_example_has_a_picture_of_moderate_size(name: str) -> None:
    path = EXAMPLES / f"{name}.jpg"
    assert path.stat().st_size <= PICTURE_LIMIT
    with Image.open(path) as picture:
        assert picture.width >= 1000


@pytest.mark.parametrize("name", example_names())
def test_example_asks_for_nodes_that_exist(name: str, object_info: dict[str, Any]) -> None:
    kinds = {node["type"] for node in load_workflow(EXAMPLES / f"{name}.json")["nodes"]}
    assert not kinds - NOTES - set(object_info)


@pytest.mark.parametrize("name", example_names())
def test_example_runs_and_gives_frames_and_a_video(
    name: str, host: Host, object_info: dict[str, Any]
) -> None:
    prompt = small_prompt(name, object_info)
    result = host.run(prompt, timeout=300)
    assert result.status == "success", (result.error, result.validation, host.log_tail())
    [preview] = nodes_of(prompt, "PreviewImage")
    frames = np.stack([host.download(record) for record in result.images(preview)])
    factor = 2 if nodes_of(prompt, "UpscaleModelLoader") else 1
    assert frames.shape == (16, HEIGHT * factor, WIDTH * factor, 3)
    assert frames.std() > 0.01
    [save] = nodes_of(prompt, "SaveVideo")
    [video] = result.images(save)
    path = host.base / video["type"] / video["subfolder"] / video["filename"]
    assert path.suffix == ".mp4" and path.stat().st_size > 1000


@pytest.mark.parametrize("kind", ["ToonCrafterSampler", "KSampler", "SamplerCustom"])
def test_sampling_reports_every_step_and_shows_previews(
    kind: str, host: Host, object_info: dict[str, Any]
) -> None:
    name = {"ToonCrafterSampler": BASIC, "KSampler": "stock_samplers"}.get(kind, "custom_sampling")
    prompt = small_prompt(name, object_info)
    [sampler] = nodes_of(prompt, kind)
    seed = "noise_seed" if kind == "SamplerCustom" else "seed"
    prompt[sampler]["inputs"][seed] = 7001
    result = host.run(prompt, timeout=300)
    assert result.status == "success", (result.error, result.validation, host.log_tail())
    steps = {step["value"] for step in result.progress if step["node"] == sampler}
    assert steps >= set(range(1, STEPS + 1))
    assert len(result.preview_sizes) >= STEPS
