"""The words that people look for are found by the page's own search."""

from browser.page import ComfyPage
from browser.searching import open_search

RESULTS = '[data-testid="result-item"], .p-autocomplete-option'
WORDS = ("inbetween", "tween", "interpolation", "colorize", "loop", "animation", "cartoon")


def test_every_word_finds_a_node_of_ours(page: ComfyPage) -> None:
    page.page.evaluate("() => app.graph.clear()")
    open_search(page)
    found = {}
    for word in WORDS:
        page.page.keyboard.press("Control+A")
        page.page.keyboard.type(word, delay=20)
        page.settle(1.5)
        found[word] = page.page.locator(RESULTS).all_inner_texts()
        page.screenshot(f"search-{word}")
    page.page.keyboard.press("Escape")
    ours = [word for word in WORDS if any("ToonCrafter" in text for text in found[word])]
    assert ours == list(WORDS), found
