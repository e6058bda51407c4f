"""The example workflows in ComfyUI's page, as a person meets them: drop, look, run, read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser.example_page import (
    DIALOGS,
    PROMPT,
    check_video,
    close_dialog,
    drop_small,
    says,
    wait_for_pictures,
)
from browser.page import ComfyPage
from browser.published_files import MODELS
from comfyui.examples import BASIC, EXAMPLES, STEPS, example_names, load_prompt
from comfyui.host import Host

UNKNOWN_NODES = """() => app.graph.nodes.map(node => node.type)
    .filter(type => !LiteGraph.registered_node_types[type])"""
SEED_LABELS = """() => app.graph.nodes.flatMap(node => (node.widgets ?? [])
    .filter(widget => widget.name === 'seed')
    .map(widget => [node.type, widget.label ?? widget.name])).sort()"""
SELECT = "type => app.canvas.selectNode(app.graph.nodes.find(node => node.type === type))"
ALONE = """kind => {
    app.graph.clear();
    const node = LiteGraph.createNode(kind);
    app.graph.add(node);
    [app.canvas.ds.scale, app.canvas.ds.offset] = [1, [560, 260]];
}"""
INFO_BUTTON = '[data-testid="info-button"], button:has(.icon-\\[lucide--info\\]), .help-button'
HELP = "() => document.querySelector('.node-help-content')?.innerText ?? ''"
PREVIEWS = """() => {
    window.previewCount = 0;
    for (const kind of ['b_preview', 'b_preview_with_metadata'])
        app.api.addEventListener(kind, () => window.previewCount++);
}"""


def test_workflow_with_an_unknown_node_opens_a_dialog(page: ComfyPage, tmp_path: Path) -> None:
    # So that the test below would see one.
    node: dict[str, Any] = {
        "id": 1, "type": "NoSuchNode", "pos": [0, 0], "size": [200, 100], "flags": {},
        "order": 0, "mode": 0, "inputs": [], "outputs": [], "properties": {},
    }  # fmt: skip
    workflow = {
        "last_node_id": 1, "last_link_id": 0, "nodes": [node], "links": [], "groups": [],
        "config": {}, "extra": {}, "version": 0.4,
    }  # fmt: skip
    path = tmp_path / "unknown.json"
    path.write_text(json.dumps(workflow), encoding="utf-8")
    page.drop_workflow(path)
    assert any("missing node" in text.lower() for text in page.page.evaluate(DIALOGS))
    close_dialog(page)


@pytest.mark.parametrize("name", example_names())
def test_dropped_example_opens_whole_and_without_a_complaint(page: ComfyPage, name: str) -> None:
    saved = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    assert page.drop_workflow(EXAMPLES / f"{name}.json") == len(saved["nodes"])
    page.screenshot(f"example-{name}")
    # No file is missing: the embedded model and the drawings come with the pack.
    assert page.page.evaluate(DIALOGS) == []
    assert page.covered_nodes() == []
    assert page.page.evaluate(UNKNOWN_NODES) == []
    links = page.page.evaluate("() => app.graph.serialize().links.length")
    assert links == len(saved["links"])


def test_published_file_that_is_chosen_and_absent_is_offered(
    page: ComfyPage, tmp_path: Path
) -> None:
    workflow = json.loads((EXAMPLES / f"{BASIC}.json").read_text(encoding="utf-8"))
    [loader] = [node for node in workflow["nodes"] if node["type"] == "ToonCrafterLoader"]
    wanted = MODELS["ToonCrafterLoader"][1]
    loader["widgets_values"][0] = wanted["name"]
    path = tmp_path / "published.json"
    path.write_text(json.dumps(workflow), encoding="utf-8")
    page.drop_workflow(path)
    page.screenshot("example-published")
    assert len(page.page.evaluate(DIALOGS)) == 1
    assert says(page, wanted["name"])
    close_dialog(page)


@pytest.mark.parametrize("name", example_names())
def test_page_sends_the_prompt_that_the_servers_tests_run(
    page: ComfyPage, host: Host, name: str
) -> None:
    page.drop_workflow(EXAMPLES / f"{name}.json")
    close_dialog(page)
    sent = page.page.evaluate(PROMPT)
    made = load_prompt(name, host.object_info())
    assert {key: node["inputs"] for key, node in sent.items()} == {
        key: node["inputs"] for key, node in made.items()
    }


@pytest.mark.parametrize("name", example_names())
def test_nodes_of_an_example_do_not_cover_each_other(name: str) -> None:
    nodes = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))["nodes"]
    # left, top with the title bar, right, bottom
    boxes = np.array([[*n["pos"], n["pos"][0] + n["size"][0], n["pos"][1] + n["size"][1]]
                      for n in nodes]) - [0, 30, 0, 0]  # fmt: skip
    first, second = boxes[:, None], boxes[None]
    apart = (first[..., :2] >= second[..., 2:]).any(-1) | (second[..., :2] >= first[..., 2:]).any(
        -1
    )
    assert (apart | np.eye(len(nodes), dtype=bool)).all()


def test_basic_example_runs_and_shows_its_frames(page: ComfyPage, host: Host) -> None:
    drop_small(page, BASIC)
    page.page.evaluate(PREVIEWS)
    run = page.run(timeout=300)
    page.screenshot("example-done")
    assert run.error is None
    assert run.has_succeeded
    check_video(run, host)
    wait_for_pictures(page, "PreviewImage", [16])
    assert page.covered_nodes() == []
    steps = {step["value"] for step in run.of_kind("progress") if step["max"] == STEPS}
    assert steps == set(range(1, STEPS + 1))
    assert page.page.evaluate("() => window.previewCount") >= STEPS


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("sketch_middle", [1]),
        ("sketch_every_frame", [16]),
        ("line_drawings", []),
        ("colourise_one_reference", [16]),
        ("colourise_two_references", [16]),
        ("redraw_frame", [16, 1]),
        ("upscale_and_video", []),
    ],
)
def test_example_runs_from_the_page_and_shows_its_hints(
    page: ComfyPage, host: Host, name: str, counts: list[int]
) -> None:
    drop_small(page, name)
    run = page.run(timeout=300)
    assert run.error is None
    assert run.has_succeeded
    check_video(run, host)
    wait_for_pictures(page, "ToonCrafterSketchGuidance", counts)
    wait_for_pictures(page, "PreviewImage", [16], title="Frames")
    page.screenshot(f"example-{name}-done")
    assert page.covered_nodes() == []


def test_two_seeds_of_an_example_have_names_of_their_own(page: ComfyPage) -> None:
    page.drop_workflow(EXAMPLES / f"{BASIC}.json")
    labels = page.page.evaluate(SEED_LABELS)
    assert labels == [["ToonCrafterKeyframes", "encoding seed"], ["ToonCrafterSampler", "seed"]]


def test_wrong_choice_is_reported_in_words_on_the_page(page: ComfyPage) -> None:
    drop_small(page, BASIC)
    page.page.evaluate(
        "() => { const node = app.graph.nodes.find(n => n.type === 'ToonCrafterKeyframes');"
        " node.disconnectInput(node.inputs.findIndex(input => input.name === 'last_image')); }"
    )
    page.press_run()
    page.page.wait_for_function(f"() => ({DIALOGS})().length > 0", timeout=20_000)
    page.screenshot("example-refused")
    assert says(page, "last_image")
    close_dialog(page)


@pytest.mark.parametrize(
    "kind",
    [
        "ToonCrafterLoader",
        "ToonCrafterKeyframes",
        "ToonCrafterSketchEncoderLoader",
        "ToonCrafterSketchGuidance",
        "ToonCrafterLineArt",
        "ToonCrafterSampler",
        "ToonCrafterDDIM",
        "ToonCrafterSigmas",
        "ToonCrafterGuidanceRescale",
        "ToonCrafterDecode",
    ],
)
def test_info_button_shows_our_help_page(page: ComfyPage, kind: str) -> None:
    page.page.evaluate(ALONE, kind)
    page.page.evaluate(SELECT, kind)
    page.settle(0.5)
    page.page.locator(INFO_BUTTON).first.evaluate("button => button.click()")
    title = (
        (EXAMPLES.parent / "web" / "docs" / f"{kind}.md")
        .read_text(encoding="utf-8")
        .splitlines()[0]
        .removeprefix("# ")
    )
    page.page.wait_for_function(f"title => ({HELP})().startsWith(title)", arg=title, timeout=10_000)
    if kind == "ToonCrafterKeyframes":
        page.screenshot("help")
