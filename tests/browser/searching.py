"""Opens the search of ComfyUI's page."""

from playwright.sync_api import TimeoutError as NotInTime

from browser.page import ComfyPage


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
