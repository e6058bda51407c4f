"""The pack's blueprint in ComfyUI's page: found by its name, added as one node, and run."""

from collections.abc import Iterator

import pytest
import requests

from browser.make_blueprint import NAME, SOCKETS, WIDGETS
from browser.page import COUNT_PICTURES, ComfyPage
from browser.searching import open_search
from comfyui.examples import DRAWING_NAMES, prepare
from comfyui.host import Host
from tooncrafter_core.config.embedded import MINI, MINI_GUIDANCE, MINI_SIZE, MINI_STEPS

BOX = f"() => app.graph.nodes.find(node => node.title === {NAME!r})"
CONNECT = f"""(names) => {{
    const box = ({BOX})();
    const show = LiteGraph.createNode('PreviewImage');
    app.graph.add(show);
    box.connect(0, show, 0);
    for (const [slot, name] of names.entries()) {{
        const load = LiteGraph.createNode('LoadImage');
        app.graph.add(load);
        load.widgets.find(widget => widget.name === 'image').value = name;
        load.connect(0, box, slot);
    }}
}}"""
SHOWN = f"() => app.graph.nodes.filter(n => n.type === 'PreviewImage').map({COUNT_PICTURES})[0]"


@pytest.fixture(scope="module", params=[False, True], ids=["canvas nodes", "Nodes 2.0"])
def page(host: Host, browser_path: str, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in each of its two ways to draw nodes, where it has blueprints."""
    if requests.get(f"{host.url}/global_subgraphs", timeout=60).status_code == 404:
        pytest.skip("this ComfyUI takes no blueprints from packs")
    prepare(host.base)
    host.set_setting("Comfy.VueNodes.Enabled", request.param)
    with ComfyPage(host.url, browser_path) as opened:
        yield opened
    host.set_setting("Comfy.VueNodes.Enabled", False)


def test_box_is_found_by_its_name_and_runs(page: ComfyPage, host: Host) -> None:
    page.page.evaluate("() => app.graph.clear()")
    open_search(page)
    page.page.keyboard.type(NAME.split(" (")[0], delay=20)
    # A busy page finds it later than a person can press Enter.
    page.page.get_by_text("(ToonCrafter)").first.wait_for(timeout=30_000)
    page.settle(1.0)
    page.screenshot("blueprint-search")
    page.page.keyboard.press("Enter")
    page.settle(2.0)
    page.page.mouse.click(700, 200)  # newer pages let one choose the place
    page.page.wait_for_function(f"() => ({BOX})() !== undefined", timeout=30_000)
    page.page.evaluate(CONNECT, list(DRAWING_NAMES))
    page.settle(1.0)
    page.screenshot("blueprint")
    values = dict(page.page.evaluate(f"() => ({BOX})().widgets.map(w => [w.name, w.value])"))
    assert page.page.evaluate(f"() => ({BOX})().inputs.map(i => i.name)")[:2] == list(SOCKETS)
    assert list(values) == list(WIDGETS)
    assert values["checkpoint"] == MINI
    assert (values["width"], values["height"]) == MINI_SIZE
    assert (values["steps"], values["cfg"]) == (MINI_STEPS, MINI_GUIDANCE)

    run = page.run(timeout=300)
    page.screenshot("blueprint-done")
    assert run.error is None and run.has_succeeded
    page.page.wait_for_function(f"() => ({SHOWN})() === 16", timeout=30_000)
    [frames] = [
        reported["output"]["images"] for reported in run.of_kind("executed") if reported["output"]
    ]
    assert host.download(frames[0]).shape == (MINI_SIZE[1], MINI_SIZE[0], 3)


def test_what_is_set_on_the_box_reaches_the_nodes_in_it(page: ComfyPage) -> None:
    page.page.evaluate(
        f"""() => {{
            for (const [name, value] of [['steps', 7], ['prompt', 'a cat'], ['frames', 12]]) {{
                const widget = ({BOX})().widgets.find(widget => widget.name === name);
                widget.value = value;
                widget.callback?.(value);
            }}
        }}"""
    )
    sent = page.page.evaluate("async () => (await app.graphToPrompt()).output")
    inputs = {node["class_type"]: node["inputs"] for node in sent.values()}
    texts = [
        n["inputs"]["text"] for n in sent.values() if n["class_type"] == "CLIPTextEncode"
    ]  # both prompts
    assert inputs["ToonCrafterSampler"]["steps"] == 7
    assert inputs["ToonCrafterKeyframes"]["frames"] == 12
    assert sorted(texts) == ["", "a cat"]
