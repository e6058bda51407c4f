"""Workflows that were saved before a node got further inputs, opened in ComfyUI's page."""

import json
from pathlib import Path
from typing import Any

import pytest

from browser.example_page import (
    DIALOGS,
    PROMPT,
    check_video,
    close_dialog,
    set_small,
    wait_for_pictures,
)
from browser.page import ComfyPage
from comfyui.host import Host

EARLIER = Path(__file__).resolve().parent / "earlier"
NAMES = sorted(path.stem for path in EARLIER.glob("*.json"))
"""``first_interpolation`` is from before *preset* and *tiles*; all connect the drawings to Decode,
whose sockets for them are optional now, and know no *width* and *height* there. ``cut`` is from
before *sketch_places*."""

# None is a default, so that a value in another's place is seen.
SAVED: dict[str, dict[str, Any]] = {
    "ToonCrafterKeyframes": {
        "width": 192, "height": 128, "frames": 12, "motion_fps": 7, "fit": "pad", "seed": 77,
    },
    "ToonCrafterSampler": {
        "seed": 55, "steps": 3, "cfg": 2.5, "eta": 0.25, "guidance_rescale": 0.5,
        "preset": "draft, 12 steps (approximate)",
    },
    "ToonCrafterDecode": {
        "second_pass": False, "memory_budget": 512, "tiles": "when needed (approximate)",
    },
    "ToonCrafterCut": {
        "frames": "1, 5, 11", "on": 3, "spacing": "slow in", "cycle": True, "prompts": "a boy",
        "negative": "blur", "seed": 77, "steps": 3, "cfg": 2.5, "motion_fps": 7, "width": 192,
        "height": 128, "fit": "pad", "preset": "draft, 12 steps (approximate)", "cel": "A",
        "seeds": "1", "length": 24, "fps": 12.0, "draw_holds": True,
    },
}  # fmt: skip
ADDED: dict[str, dict[str, Any]] = {
    "ToonCrafterKeyframes": {},
    "ToonCrafterSampler": {"preset": "published"},
    "ToonCrafterDecode": {"tiles": "off", "width": 0, "height": 0},
    "ToonCrafterCut": {
        "sketch_places": "",
        "colour_lock": False,
        "alpha": "white",
        "smooth": "",
    },
}
"""What stands in a widget that the file does not know."""
CONTROLS = {"randomize", "fixed"}
"""What follows a seed in a file's list of values, where it could change after a run."""

Links = dict[tuple[int, str], tuple[int, str]]


def links_of(workflow: dict[str, Any]) -> Links:
    """By node and input what feeds it: node and output."""
    nodes = {node["id"]: node for node in workflow["nodes"]}
    origins = {link[0]: (link[1], link[2]) for link in workflow["links"]}
    links: Links = {}
    for node in workflow["nodes"]:
        for socket in node.get("inputs", []):
            if socket.get("link") is not None:
                source, place = origins[socket["link"]]
                name = nodes[source]["outputs"][place]["name"]
                links[node["id"], socket["name"]] = source, name
    return links


def with_own_values(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Put values of ``SAVED`` into a file as its page wrote them; gives them by node and name."""
    expected: dict[str, dict[str, Any]] = {}
    for node in workflow["nodes"]:
        if node["type"] not in SAVED:
            continue
        known = [one["name"] for one in node["inputs"] if one.get("widget")]
        linked = {one["name"] for one in node["inputs"] if one.get("link") is not None}
        values = {name: SAVED[node["type"]][name] for name in known}
        listed = list(values.values())
        if CONTROLS.intersection(node["widgets_values"]):
            listed.insert(known.index("seed") + 1, "fixed")
        node["widgets_values"] = listed
        added = {k: v for k, v in ADDED[node["type"]].items() if k not in values}
        expected[str(node["id"])] = {
            name: value for name, value in {**values, **added}.items() if name not in linked
        }
    return expected


@pytest.mark.parametrize("name", NAMES)
def test_links_and_values_are_where_they_were(page: ComfyPage, name: str, tmp_path: Path) -> None:
    workflow = json.loads((EARLIER / f"{name}.json").read_text(encoding="utf-8"))
    expected = with_own_values(workflow)
    assert len(expected) >= (1 if name == "cut" else 3)
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(workflow), encoding="utf-8")
    page.drop_workflow(path)
    close_dialog(page)
    page.screenshot(f"earlier-{name}")
    opened = json.loads(page.page.evaluate("() => JSON.stringify(app.graph.serialize())"))
    assert links_of(opened) == links_of(workflow)
    sent = page.page.evaluate(PROMPT)
    found = {
        key: {name: sent[key]["inputs"].get(name) for name in values}
        for key, values in expected.items()
    }
    assert found == expected


# What is drawn does not depend on how the page draws nodes, what is read from the file may.
@pytest.mark.parametrize("page", [False], ids=["canvas nodes"], indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_earlier_workflow_draws(page: ComfyPage, host: Host, name: str) -> None:
    page.drop_workflow(EARLIER / f"{name}.json")
    close_dialog(page)
    set_small(page)
    run = page.run(timeout=300)
    assert run.error is None and run.has_succeeded
    check_video(run, host)
    wait_for_pictures(page, "PreviewImage", [16], title="Frames")
    page.screenshot(f"earlier-{name}-done")
    assert page.page.evaluate(DIALOGS) == []
