"""Every example workflow runs in a real ComfyUI and gives frames."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comfyui import launch
from comfyui.examples import (
    BASIC,
    CHECKPOINT,
    EXAMPLES,
    HEIGHT,
    SKETCH_ENCODER,
    STEPS,
    UPSCALER,
    WIDTH,
    example_names,
    frames_node,
    load_prompt,
    nodes_of,
    prepare,
    small_prompt,
)
from comfyui.host import Host
from comfyui.workflow import load_workflow
from tooncrafter_core.config.embedded import (
    MINI,
    MINI_GUIDANCE,
    MINI_SIZE,
    MINI_SKETCH,
    MINI_STEPS,
    embedded_file,
)

pytestmark = pytest.mark.at_both_ends

NOTES = {"Note", "MarkdownNote"}
HINTS = {
    "sketch_middle": [1],
    "sketch_every_frame": [16],
    "colourise_one_reference": [16],
    "colourise_two_references": [16],
    "redraw_frame": [16, 1],
    "redraw_region": [1],
}
"""Of each example with sketch guidance, how many hints its nodes show."""


@pytest.fixture(scope="module")
def object_info(host: Host) -> dict[str, Any]:
    """Every node of the host, once the examples' files are in place."""
    prepare(host.base)
    return host.object_info()


def test_there_are_examples() -> None:
    assert BASIC in example_names()


@pytest.mark.parametrize("name", example_names())
def test_example_is_set_for_the_embedded_model(name: str, object_info: dict[str, Any]) -> None:
    # After a change of these numbers make the examples again: browser.make_examples.
    wanted = {
        "checkpoint": MINI, "text_encoder": "none", "image_encoder": "none",
        "sketch_encoder": MINI_SKETCH, "width": MINI_SIZE[0], "height": MINI_SIZE[1],
        "steps": MINI_STEPS, "cfg": MINI_GUIDANCE,
    }  # fmt: skip
    prompt = load_prompt(name, object_info)
    # width and height of Decode are for clips from a file.
    inputs = [
        item
        for node in prompt.values()
        if node["class_type"] != "ToonCrafterDecode"
        for item in node["inputs"].items()
    ]
    found = [(key, value) for key, value in inputs if key in wanted]
    assert {key for key, _ in found} >= wanted.keys() - {"sketch_encoder"}
    assert found == [(key, wanted[key]) for key, _ in found]


@pytest.mark.parametrize("name", example_names())
def test_example_asks_for_nodes_that_exist(name: str, object_info: dict[str, Any]) -> None:
    kinds = {node["type"] for node in load_workflow(EXAMPLES / f"{name}.json")["nodes"]}
    assert not kinds - NOTES - set(object_info)


@pytest.mark.parametrize("name", example_names())
def test_example_runs_and_gives_frames_a_video_and_its_hints(
    name: str, host: Host, object_info: dict[str, Any]
) -> None:
    prompt = small_prompt(name, object_info)
    guiding = nodes_of(prompt, "ToonCrafterSketchGuidance")
    # A seed of its own: what the server has from another test it would not show again.
    for keyframes in nodes_of(prompt, "ToonCrafterKeyframes"):
        prompt[keyframes]["inputs"]["seed"] = 8001
    result = host.run(prompt, timeout=300)
    assert result.status == "success", (result.error, result.validation, host.log_tail())
    preview = frames_node(prompt)
    frames = np.stack([host.download(record) for record in result.images(preview)])
    factor = 2 if nodes_of(prompt, "ImageScaleBy") else 1
    assert frames.shape == (16, HEIGHT * factor, WIDTH * factor, 3)
    assert frames.std() > 0.01
    [save] = nodes_of(prompt, "SaveVideo")
    [video] = result.images(save)
    path = host.base / video["type"] / video["subfolder"] / video["filename"]
    assert path.suffix == ".mp4" and path.stat().st_size > 1000
    assert [len(result.images(node_id)) for node_id in guiding] == HINTS.get(name, [])
    for node_id in guiding:
        for record in result.images(node_id):
            hint = host.download(record)
            assert hint.shape == (HEIGHT, WIDTH, 3)
            # White lines on black, even where the lines were black on white.
            assert hint.max() > 0.5 and np.median(hint) < 0.1


def test_frames_go_through_an_upscale_model(host: Host, object_info: dict[str, Any]) -> None:
    # As the note of the example says.
    prompt = small_prompt("upscale_and_video", object_info)
    [enlarge] = nodes_of(prompt, "ImageScaleBy")
    prompt[enlarge] |= {
        "class_type": "ImageUpscaleWithModel",
        "inputs": {"image": prompt[enlarge]["inputs"]["image"], "upscale_model": ["upscaler", 0]},
    }
    prompt["upscaler"] = {
        "class_type": "UpscaleModelLoader", "inputs": {"model_name": UPSCALER},
    }  # fmt: skip
    result = host.run(prompt, timeout=300)
    assert result.status == "success", (result.error, result.validation, host.log_tail())
    frames = [host.download(record) for record in result.images(frames_node(prompt))]
    assert {frame.shape for frame in frames} == {(2 * HEIGHT, 2 * WIDTH, 3)} and len(frames) == 16


@pytest.mark.skipif(
    embedded_file(MINI) is None, reason="the mini model's weights are not in this checkout"
)
def test_basic_example_runs_as_it_opens(host: Host, object_info: dict[str, Any]) -> None:
    prompt = load_prompt(BASIC, object_info)
    result = host.run(prompt, timeout=300)
    assert result.status == "success", (result.error, result.validation, host.log_tail())
    records = result.images(frames_node(prompt))
    frames = np.stack([host.download(record) for record in records])
    assert frames.shape == (16, MINI_SIZE[1], MINI_SIZE[0], 3)


def test_sketches_of_an_example_change_its_frames(host: Host, object_info: dict[str, Any]) -> None:
    results = []
    for strength in (0.0, 1.0):
        prompt = small_prompt("sketch_middle", object_info)
        [guidance] = nodes_of(prompt, "ToonCrafterSketchGuidance")
        prompt[guidance]["inputs"]["strength"] = strength
        result = host.run(prompt, timeout=300)
        assert result.status == "success", (result.error, result.validation, host.log_tail())
        records = result.images(frames_node(prompt))
        results.append(np.stack([host.download(record) for record in records]))
    assert np.abs(results[0] - results[1]).max() > 0.02


def test_lines_on_a_transparent_layer_arrive_through_join_image_with_alpha(
    host: Host, object_info: dict[str, Any]
) -> None:
    # ComfyUI's Load Image drops transparency; the README says what to do.
    layer = np.zeros((HEIGHT, WIDTH, 4), dtype=np.uint8)
    layer[30:33, 20:100, 3] = 255
    prompt = small_prompt("sketch_middle", object_info)
    [guidance] = nodes_of(prompt, "ToonCrafterSketchGuidance")
    [source, _] = prompt[guidance]["inputs"]["sketches"]
    prompt[source]["inputs"]["image"] = host.upload_image("layer.png", layer)
    refused = host.run(prompt, timeout=300)
    assert refused.error is not None
    assert "one flat colour" in refused.error["exception_message"]
    prompt["join"] = {
        "class_type": "JoinImageWithAlpha",
        "inputs": {"image": [source, 0], "alpha": [source, 1]},
    }
    prompt[guidance]["inputs"]["sketches"] = ["join", 0]
    result = host.run(prompt, timeout=300)
    assert result.status == "success", (result.error, result.validation, host.log_tail())
    [hint] = [host.download(record) for record in result.images(guidance)]
    assert hint[31, 60].min() > 0.9 and hint[10, 60].max() < 0.1


def test_redrawing_runs_both_passes_with_one_seed(object_info: dict[str, Any]) -> None:
    prompt = small_prompt("redraw_frame", object_info)
    seeds = [prompt[node]["inputs"]["seed"] for node in nodes_of(prompt, "ToonCrafterSampler")]
    [shared] = nodes_of(prompt, "PrimitiveInt")
    assert seeds == [[shared, 0]] * 2


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


def test_a_person_is_handed_every_file_of_the_examples(
    tmp_path: Path, object_info: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    class Ended:
        """A server that is no more."""

        def __init__(self, command: list[str], **_: Any) -> None:
            started.append(command)

        def poll(self) -> int:
            return 0

        wait = poll

    monkeypatch.setattr(launch.subprocess, "Popen", Ended)
    checkpoint = tmp_path / "given.safetensors"
    checkpoint.write_bytes(b"weights")
    launch.main(["host", "--base", str(tmp_path / "base"), "--examples", str(checkpoint)])
    assert len(started) == 1
    base = tmp_path / "base"
    there = {path.name for folder in ("input", "models") for path in (base / folder).rglob("*.*")}
    needed = {
        value
        for name in example_names()
        for node in small_prompt(name, object_info).values()
        for value in node["inputs"].values()
        if isinstance(value, str)
        and Path(value).suffix in (".png", ".gif", ".xdts", ".safetensors")
    }
    assert {CHECKPOINT, SKETCH_ENCODER} <= needed <= there
