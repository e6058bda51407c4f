"""The nodes in other languages, as ComfyUI's page shows them."""

from collections.abc import Iterator

import pytest

from browser.page import ComfyPage
from browser.test_examples import ALONE, HELP, INFO_BUTTON, SELECT
from comfyui.host import Host
from support.translations import help_pages, node_defs, title

KIND = "ToonCrafterKeyframes"
LABELS = """kind => {
    const node = app.graph.nodes.find(node => node.type === kind);
    const sockets = [...(node.widgets ?? []), ...node.inputs];
    return Object.fromEntries(sockets.map(one => [one.name, one.label ?? one.localized_name]));
}"""
TOOLTIP_AT = """([kind, name]) => {
    const canvas = app.canvas, node = app.graph.nodes.find(node => node.type === kind);
    const slot = node.inputs.findIndex(input => input.name === name);
    const [x, y] = node.getConnectionPos(true, slot);
    const place = canvas.convertOffsetToCanvas([x, y]);
    const box = canvas.canvas.getBoundingClientRect();
    return [place[0] + box.left, place[1] + box.top];
}"""


@pytest.fixture(scope="module", params=["ja", "ko", "zh", "zh-TW"])
def spoken(
    host: Host, browser_path: str, request: pytest.FixtureRequest
) -> Iterator[tuple[ComfyPage, str]]:
    """The page in a language, with one node on its canvas."""
    host.set_setting("Comfy.Locale", request.param)
    with ComfyPage(host.url, browser_path) as page:
        page.page.evaluate(ALONE, KIND)
        page.page.evaluate(SELECT, KIND)
        page.settle(1.0)
        yield page, request.param
    host.set_setting("Comfy.Locale", "en")


def test_a_node_has_its_name_and_its_labels(spoken: tuple[ComfyPage, str]) -> None:
    page, language = spoken
    page.screenshot(f"language-{language}")
    texts = node_defs(language)[KIND]
    found = page.page.evaluate("kind => app.graph.nodes[0].title", KIND)
    assert found == texts["display_name"]
    shown = page.page.evaluate(LABELS, KIND)
    wanted = {name: one["name"] for name, one in texts["inputs"].items()}
    assert {name: shown.get(name) for name in wanted} == wanted


def test_an_input_shows_its_tooltip(spoken: tuple[ComfyPage, str]) -> None:
    page, language = spoken
    x, y = page.page.evaluate(TOOLTIP_AT, [KIND, "first_image"])
    page.page.mouse.move(x + 40, y + 60)
    page.page.mouse.move(x, y, steps=4)
    wanted = node_defs(language)[KIND]["inputs"]["first_image"]["tooltip"]
    tooltip = page.page.locator(".node-tooltip")
    tooltip.wait_for(timeout=10_000)
    page.screenshot(f"language-{language}-tooltip")
    assert tooltip.inner_text().strip() == wanted


def test_the_info_button_shows_the_help_page(spoken: tuple[ComfyPage, str]) -> None:
    page, language = spoken
    page.page.evaluate(SELECT, KIND)
    page.settle(0.5)
    page.page.locator(INFO_BUTTON).first.evaluate("button => button.click()")
    wanted = title(help_pages(language)[KIND].read_text(encoding="utf-8"))
    page.page.wait_for_function(f"title => ({HELP})().startsWith(title)", arg=wanted)
    page.screenshot(f"language-{language}-help")
