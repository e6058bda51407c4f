"""The READMEs of other languages name what the page shows, and have every message and example."""

import re

import pytest

from devtools import translated
from support import translations as rules

READMES = ("ja", "ko", "zh")
ITALIC = re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)")
TEMPLATES = {"ja": "テンプレート", "ko": "템플릿", "zh": "模板"}
"""What ComfyUI's page calls the list of examples."""
QUOTED = {"ja": r"「(.+?)」", "ko": r"'(ToonCrafter .+?)'", "zh": "“(.+?)”"}
EXAMPLES = {path.stem for path in (rules.ROOT / "example_workflows").glob("*.json")}


def readme(language: str) -> str:
    """The README of a language."""
    return (rules.ROOT / f"README.{language}.md").read_text(encoding="utf-8")


def messages(page: str) -> list[list[str]]:
    """The messages in each row of a table of them; none where the row is about what one sees."""
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("|")]
    return [ITALIC.findall(row) for row in rows]


@pytest.mark.parametrize("language", READMES)
def test_bold_names_are_those_that_nodes_show(language: str) -> None:
    nodes = rules.node_defs(language).values()
    shown = {name for node in nodes for _, name in rules.labels(node)} | {TEMPLATES[language]}
    bold = set(re.findall(r"\*\*([^*]+)\*\*", readme(language)))
    assert len(bold) > 15 and bold - shown == set()


@pytest.mark.parametrize("language", READMES)
def test_nodes_are_called_as_the_page_calls_them(language: str) -> None:
    names = {node["display_name"] for node in rules.node_defs(language).values()}
    quoted = {one for one in re.findall(QUOTED[language], readme(language)) if "ToonCrafter" in one}
    assert len(quoted) > 5 and quoted - names == set()


@pytest.mark.parametrize("language", READMES)
def test_every_message_of_the_english_table_is_there_in_its_order(language: str) -> None:
    english = messages((rules.ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8"))
    assert sum(len(row) for row in english) > 15
    parts = list(translated.parts_of(readme(language)).values())
    place = translated.README_PARTS.index(("docs/troubleshooting.md", None))
    assert messages(parts[place]) == english


@pytest.mark.parametrize("language", READMES)
def test_every_example_has_its_line(language: str) -> None:
    rows = set(re.findall(r"^\| `(\w+)` \| .+ \|$", readme(language), re.MULTILINE))
    assert rows >= EXAMPLES


def test_every_example_has_its_line_in_english() -> None:
    page = (rules.ROOT / "docs/making_a_clip.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \| .+ \|$", page, re.MULTILINE)) == EXAMPLES


@pytest.mark.parametrize("language", READMES)
def test_commands_files_and_sizes_are_those_of_the_english(language: str) -> None:
    english, parts = (rules.ROOT / "README.md").read_text(encoding="utf-8"), readme(language)
    commands = re.findall(r"^    (?:python3|cd|git|pip) .+?(?=  #|$)", english, re.MULTILINE)
    missing = [one for one in commands if one.split("  #")[0].rstrip() not in parts]
    table = translated.parts_of(english)["Weights"]
    sizes = re.findall(r"\d[\d.]* GB|512x320|\b50\b|\b7\.5\b", table)
    missing += [one for one in (*sizes, *re.findall(r"`[^`]+`", table)) if one not in parts]
    assert len(commands) > 4 and missing == []
