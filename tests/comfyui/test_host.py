"""The server harness itself: what it reports is what ComfyUI did."""

import time
from typing import Any

import numpy as np

from comfyui.host import Host, Prompt
from comfyui.workflow import to_prompt


def probe_prompt(**changes: Any) -> Prompt:
    """Give a prompt of one probe whose picture is saved."""
    inputs = {"seed": 7, "steps": 3, "seconds": 0.0, "mode": "picture", **changes}
    return {
        "1": {"class_type": "TestProbe", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "p"}},
    }


def test_server_describes_its_nodes(host: Host) -> None:
    info = host.object_info()
    assert "KSampler" in info
    assert "TestProbe" in info


def test_prompt_reports_progress_previews_and_pictures(host: Host) -> None:
    result = host.run(probe_prompt(seed=51))
    assert result.status == "success"
    assert result.executed == ["1", "2"]
    assert [step["value"] for step in result.progress if step["node"] == "1"] == [1, 2, 3]
    assert len(result.preview_sizes) == 3
    assert result.elapsed > 0
    picture = host.download(result.images("2")[0])
    assert picture.shape == (8, 16, 3)
    assert np.allclose(picture, 51 / 255)


def test_nodes_taken_from_the_cache_are_not_reported_as_run(host: Host) -> None:
    host.run(probe_prompt(seed=60))
    again = host.run(probe_prompt(seed=60))
    assert again.status == "success"
    assert "1" not in again.executed


def test_failing_node_is_named_with_its_message(host: Host) -> None:
    result = host.run(probe_prompt(mode="fail"))
    assert result.status == "error"
    assert result.error is not None
    assert result.error["node_id"] == "1"
    assert result.error["node_type"] == "TestProbe"
    assert result.error["exception_message"].startswith("the probe fails")


def test_refused_prompt_says_which_input_was_wrong(host: Host) -> None:
    result = host.run(probe_prompt(steps=0))
    assert result.status == "invalid"
    assert result.validation is not None
    assert result.validation["node_errors"]["1"]["errors"][0]["type"] == "value_smaller_than_min"


def test_interrupted_prompt_ends_early_and_the_next_one_runs(host: Host) -> None:
    running = host.submit(probe_prompt(steps=600, seconds=60.0))
    give_up = time.monotonic() + 60
    while not running.progress and time.monotonic() < give_up:
        time.sleep(0.05)
    host.interrupt()
    result = host.wait(running.prompt_id)
    assert result.status == "interrupted"
    assert host.run(probe_prompt(seed=99)).status == "success"


def test_uploaded_picture_comes_back_from_a_workflow_of_the_page(host: Host) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 24, 3), dtype=np.uint8)
    name = host.upload_image("picture.png", picture)
    # As the page saves it: values without names, the seed's control and the upload
    # button with values of their own, a reroute between two nodes, a note, a muted node.
    workflow = {
        "nodes": [
            {
                "id": 1,
                "type": "LoadImage",
                "mode": 0,
                "inputs": [],
                "widgets_values": [name, "image"],
            },
            {
                "id": 2,
                "type": "Reroute",
                "mode": 0,
                "inputs": [{"name": "", "type": "*", "link": 1}],
            },
            {
                "id": 3,
                "type": "TestProbe",
                "mode": 0,
                "inputs": [
                    {"name": "image", "type": "IMAGE", "link": 2},
                    {"name": "steps", "type": "INT", "widget": {"name": "steps"}, "link": 4},
                ],
                "widgets_values": [5, "randomize", 2, 0.0, "picture"],
            },
            {
                "id": 4,
                "type": "SaveImage",
                "mode": 0,
                "inputs": [{"name": "images", "type": "IMAGE", "link": 3}],
                "widgets_values": ["p"],
            },
            {"id": 5, "type": "Note", "mode": 0, "widgets_values": ["a note"]},
            {"id": 6, "type": "LoadImage", "mode": 2, "widgets_values": ["gone.png", "image"]},
            {"id": 7, "type": "PrimitiveNode", "mode": 0, "widgets_values": [4, "fixed"]},
            {
                "id": 8,
                "type": "ImageInvert",
                "mode": 4,
                "inputs": [{"name": "image", "type": "IMAGE", "link": 5}],
                "outputs": [{"name": "IMAGE", "type": "IMAGE"}],
            },
        ],
        "links": [
            [1, 1, 0, 2, 0, "IMAGE"],
            [2, 8, 0, 3, 0, "IMAGE"],
            [3, 3, 0, 4, 0, "IMAGE"],
            [4, 7, 0, 3, 1, "INT"],
            [5, 2, 0, 8, 0, "IMAGE"],
        ],
    }
    prompt = to_prompt(workflow, host.object_info())
    assert sorted(prompt) == ["1", "3", "4"]
    assert prompt["3"]["inputs"] == {
        "seed": 5,
        "steps": 4,
        "seconds": 0.0,
        "mode": "picture",
        "image": ["1", 0],
    }
    result = host.run(prompt)
    assert result.status == "success", result
    assert np.allclose(host.download(result.images("4")[0]), picture / 255.0)
