"""The page about an episode: escaped, failures first, small with 300 cuts."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote

from tooncrafter_core.cut.episode.page import CutRow, episode_page

NASTY = "<script>alert(1)</script>\"'&#"


class Tags(HTMLParser):
    """What a page has by tag."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str, name: str) -> list[dict[str, str | None]]:
    parser = Tags()
    parser.feed(page)
    return [attributes for tag, attributes in parser.found if tag == name]


def test_no_text_of_files_becomes_part_of_the_page() -> None:
    row = CutRow(
        name=NASTY, errors=[NASTY], ranks=NASTY, film=f"{NASTY}/cut.mp4",
        page=f"{NASTY}/report.html",
    )  # fmt: skip
    page = episode_page(NASTY, [row], NASTY)
    assert len(tags(page, "script")) == 1 and "alert(1)</script>" not in page
    assert [unquote(one["data-film"] or "") for one in tags(page, "button")] == [
        f"./{NASTY}/cut.mp4"
    ]
    assert [unquote(one["href"] or "") for one in tags(page, "a")] == [f"./{NASTY}/report.html"]


def test_nothing_comes_from_elsewhere_and_addresses_stay_in_the_folder() -> None:
    page = episode_page("E", [CutRow(name="a", film="javascript:x/cut.mp4")], "")
    assert not re.search(r"(src|href)=\"(https?:|//)", page)
    assert tags(page, "button")[0]["data-film"] == "./javascript%3Ax/cut.mp4"


def test_failures_come_first_and_states_are_counted() -> None:
    rows = [
        CutRow(name="done", is_written=True, frames=10, segments=2, seconds=9, drift=(5.8, 0.4)),
        CutRow(name="open"),
        CutRow(name="bad", errors=["segment 1: no"], is_written=True),
    ]
    page = episode_page("E", rows, "summary")
    assert re.findall(r'<article class="(\w+)"><h2>(\w+)', page) == [
        ("failed", "bad"), ("waiting", "open"), ("written", "done"),
    ]  # fmt: skip
    assert "results are of an earlier run" in page
    assert "colour drift 5.80, 0.40 after colour lock" in page
    assert '<option value="failed">failed (1)</option>' in page
