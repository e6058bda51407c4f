"""The page loads with the pack in place, and a workflow runs from it."""

import json
from pathlib import Path

from browser.page import ComfyPage


def test_page_loads_and_offers_the_nodes(comfy_page: ComfyPage) -> None:
    picture = comfy_page.screenshot("page")
    assert picture.stat().st_size > 10_000
    assert "KSampler" in comfy_page.node_types()


def test_dropped_workflow_runs_when_run_is_pressed(comfy_page: ComfyPage, tmp_path: Path) -> None:
    workflow = {
        "last_node_id": 2,
        "last_link_id": 1,
        "nodes": [
            {
                "id": 1,
                "type": "TestProbe",
                "pos": [60, 120],
                "size": [270, 160],
                "flags": {},
                "order": 0,
                "mode": 0,
                "inputs": [],
                "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
                "properties": {},
                "widgets_values": [200, "fixed", 3, 0.0, "picture"],
            },
            {
                "id": 2,
                "type": "PreviewImage",
                "pos": [420, 120],
                "size": [270, 300],
                "flags": {},
                "order": 1,
                "mode": 0,
                "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
                "outputs": [],
                "properties": {},
                "widgets_values": [],
            },
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }
    path = tmp_path / "probe.json"
    path.write_text(json.dumps(workflow), encoding="utf-8")
    assert comfy_page.drop_workflow(path) == 2
    run = comfy_page.run()
    comfy_page.screenshot("probe-done")
    assert run.error is None
    assert run.has_succeeded
    assert [step["value"] for step in run.of_kind("progress")] == [1, 2, 3]
    assert comfy_page.picture_counts()["PreviewImage"] == 1
