"""The site's search, where the site is opened from a folder and nothing else can be reached."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

from browser.page import FLAGS
from devtools import site


@pytest.fixture
def opened(tmp_path: Path, browser_path: str) -> Iterator[Page]:
    """A site of two pages, opened from its folder; its requests lead nowhere but there."""
    pages = tmp_path / "pages"
    site.save(pages / "index.md", "# Start\n")
    site.save(pages / "other.md", "# Elsewhere\n\nThe walrus has a moustache.\n")
    site.save(pages / "javascripts" / site.WORKER.name, site.WORKER.read_text(encoding="utf-8"))
    menu: site.Nav = [{"Start": "index.md"}, {"Elsewhere": "other.md"}]
    file = tmp_path / "mkdocs.yml"
    site.save(file, json.dumps(site.settings(menu, pages, tmp_path / "site")))
    assert site.build(file) == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        page = browser.new_page()
        page.goto((tmp_path / "site" / "index.html").as_uri())
        yield page
        browser.close()


def test_the_search_finds_a_word_of_another_page(opened: Page) -> None:
    requests: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.reload()
    result = opened.locator(".md-search-result__link").first
    for _ in range(3):
        # What is typed before the page's script listens is not looked for: type again.
        opened.locator(".md-search__input").first.fill("")
        opened.locator(".md-search__input").first.press_sequentially("walrus")
        with suppress(NotInTime):
            result.wait_for(state="attached", timeout=10_000)
            break
    assert "other.html" in (result.get_attribute("href") or "")
    assert [url for url in requests if not url.startswith(("file:", "data:", "about:"))] == []
