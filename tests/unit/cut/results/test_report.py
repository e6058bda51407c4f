"""The page about a cut is whole, loads nothing from elsewhere, and runs no text of files."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from tooncrafter_core.cut.results.page import SCRIPT
from tooncrafter_core.cut.results.report import Shown, report_page
from tooncrafter_core.cut.values import Drawing, Moment, Sheet

HOSTILE = "</script><script>alert(1)</script><img src=http://x.test onerror='a()'>\"&"
KEY = Drawing(key="1")
BETWEEN = Drawing(segment=0, moment=Moment(index=7))


class Tags(HTMLParser):
    """Every element of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [values for name, values in self.tags if name == tag]


@pytest.fixture
def page(tmp_path: Path) -> str:
    """Of a key and an in-between on twos, and then nothing; all its texts are hostile."""
    files = [tmp_path / "A_0001.png", tmp_path / "A_0002.png"]
    for path in files:
        Image.new("RGB", (960, 600), "red").save(path)
    drawings = {
        KEY: Shown(name=HOSTILE, file=files[0], is_key=True, place=""),
        BETWEEN: Shown(name="2", file=files[1], is_key=False, place=HOSTILE),
    }
    sheet = Sheet(frames=(KEY, KEY, BETWEEN, BETWEEN, None))
    segments = [{"prompt": HOSTILE, "seed": 7, HOSTILE: {HOSTILE: [HOSTILE]}}]
    return report_page(HOSTILE, 24.0, sheet, drawings, segments, [HOSTILE])


def test_texts_of_files_stay_texts(page: str) -> None:
    found = Tags(page)
    assert len(found.of("script")) == 1
    assert found.text.count(HOSTILE) == 9  # title twice, note, prompt, three in a cell, name twice
    assert [image.get("onerror") for image in found.of("img")] == [None] * 3
    [label] = {row["data-label"] for row in found.of("tr") if "1:" in (row.get("data-label") or "")}
    assert label == f"frame 1: {HOSTILE}"


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    found = Tags(page)
    sources = [one["src"] for _, one in found.tags if one.get("src")]
    assert len(sources) == 2 and all(str(one).startswith("data:image/webp") for one in sources)
    assert not [one for _, one in found.tags if "href" in one]
    [policy] = [one["content"] for one in found.of("meta") if "http-equiv" in one]
    assert str(policy).startswith("default-src 'none'; img-src data:;")


def test_every_frame_drawing_and_segment_is_there(page: str) -> None:
    found = Tags(page)
    [film] = [one for one in found.of("div") if one.get("id") == "film"]
    assert film["data-frames"] == "0 0 1 1 -1" and float(str(film["data-fps"])) == 24
    rows = [str(one["class"]) for one in found.of("tr") if "data-label" in one]
    assert rows == ["key", "key", "between", "between", "nothing"]
    assert len(found.of("figure")) == 2
    assert "5 frames at 24 frames a second, 2 drawings: 1 key and 1 in-between" in found.text


def test_no_text_stands_in_the_script(page: str) -> None:
    [script] = re.findall(r"<script>(.*)</script></body>", page, re.DOTALL)
    assert script == SCRIPT
