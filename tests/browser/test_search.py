"""The words that people look for are found by the page's own search."""

from playwright.sync_api import TimeoutError as NotInTime

from browser.page import ComfyPage

RESULTS = '[data-testid="result-item"], .p-autocomplete-option'
WORDS = ("inbetween", "tween", "interpolation", "colorize", "loop", "animation", "cartoon")


def open_search(page: ComfyPage) -> None:
    """Double-click the empty canvas until the search box has the cursor.

    The page counts two clicks as one double click by its own clock, so that a busy machine can
    miss one; a person would click again.
    """
    box = page.page.locator("input:focus")
    for _ in range(3):
        page.page.mouse.dblclick(800, 500)
        try:
            box.wait_for(timeout=10_000)
        except NotInTime:
            page.screenshot("search-missing")
            continue
        return
    raise AssertionError("three double clicks opened no search box; see search-missing.png")


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
