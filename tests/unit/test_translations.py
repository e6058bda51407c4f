"""The nodes' texts and help pages are whole in every language, and keep what must be kept."""

import re
from collections import Counter
from pathlib import Path

import pytest

from devtools import locales, translated
from support import translations as rules

LANGUAGES = locales.languages()
ENGLISH = locales.read("en")
PAGES = rules.help_pages("en")
AGAIN = "translate what 'python3 dev.py locales' lists, then run it again: it records what was done"
WITH_HELP = [language for language in LANGUAGES if rules.help_pages(language)]


def test_every_language_of_animators_is_there_with_help_and_a_readme() -> None:
    assert LANGUAGES == WITH_HELP == ["ja", "ko", "zh", "zh-TW"]
    for language in ("ja", "ko", "zh"):
        others = {"README.md", "README.ja.md", "README.ko.md", "README.zh.md"}
        name = f"README.{language}.md"
        text = (rules.ROOT / name).read_text(encoding="utf-8")
        assert all(f"({other})" in text for other in others - {name})


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Each language besides English."""
    return request.param


def test_every_language_has_the_texts_of_english_and_no_others(language: str) -> None:
    missing, left_over = locales.differences(ENGLISH, locales.read(language))
    assert (missing, left_over) == ([], [])


def test_every_text_is_made_from_the_english_as_it_is(language: str) -> None:
    now = translated.pairs(translated.english_texts(), translated.translated_texts(language))
    recorded = translated.read_record()[language]
    changed = sorted(place for place, pair in now.items() if recorded.get(place) != pair)
    assert (changed, sorted(set(recorded) - set(now))) == ([], []), AGAIN


def test_files_are_as_the_command_writes_them(tmp_path: Path) -> None:
    for language in ("en", *LANGUAGES):
        files = locales.read(language)
        locales.write(language, files, tmp_path)
        for name in locales.FILES:
            written = (tmp_path / language / name).read_text(encoding="utf-8")
            assert (locales.LOCALES / language / name).read_text(encoding="utf-8") == written


def test_no_text_is_empty_or_has_letters_that_the_page_reads_as_syntax() -> None:
    wrong = [
        f"{language} {place}: {text!r}"
        for language in ("en", *LANGUAGES)
        for place, text in locales.texts_of(locales.read(language)).items()
        if not text.strip() or text != text.strip() or rules.SYNTAX.search(text)
    ]
    assert wrong == []


def test_texts_are_in_the_letters_of_their_language(language: str) -> None:
    texts = locales.texts_of(locales.read(language))
    found = {
        place: (why, text)
        for place, text in texts.items()
        if not place.endswith("/display_name") and (why := rules.wrong_script(text, language))
    }
    assert found == {}


def test_texts_keep_numbers_types_files_and_values(language: str) -> None:
    texts, english = locales.texts_of(locales.read(language)), locales.texts_of(ENGLISH)
    found = {p: (gone, texts[p]) for p in english if (gone := rules.lost(english[p], texts[p]))}
    assert found == {}


def test_texts_name_nodes_and_inputs_as_the_page_shows_them(language: str) -> None:
    texts, english = locales.texts_of(locales.read(language)), locales.texts_of(ENGLISH)
    found = {}
    for place, text in english.items():
        node = rules.node_defs(language).get(place.split("/")[1], {})
        gone = rules.lost_names(text, texts[place], language, dict(rules.labels(node)))
        found |= {place: (gone, texts[place])} if gone else {}
    assert found == {}


def test_every_node_has_a_help_page_in_english_which_other_languages_fall_back_to() -> None:
    nodes = set(ENGLISH["nodeDefs.json"])
    assert set(PAGES) == nodes
    # The page asks for NODE/en.md, then for NODE.md, as every language without its own page does.
    assert not list(rules.HELP.glob("*/en.md"))
    names = {node: texts.get("display_name") for node, texts in ENGLISH["nodeDefs.json"].items()}
    titles = {node: rules.NAMES[node] for node, name in names.items() if name}
    assert {node: name for node, name in names.items() if name} == titles


@pytest.mark.parametrize("language", ["en", *WITH_HELP])
def test_help_pages_name_every_input_of_nodes_that_people_use(language: str) -> None:
    missing = {}
    for node, texts in ENGLISH["nodeDefs.json"].items():
        page = rules.help_pages(language)[node].read_text(encoding="utf-8")
        # ToonCrafter Cut makes those itself, and nobody sees their inputs.
        is_internal = "not for use by hand" in texts.get("description", "")
        gone = [name for name in texts.get("inputs", {}) if not names_input(page, name)]
        missing |= {node: gone} if gone and not is_internal else {}
    assert missing == {}


def names_input(page: str, name: str) -> bool:
    """Whether a page has an input's id, in bold or in brackets behind its translated label."""
    return re.search(rf"\*\*{name}\*\*|[（(]`?{name}`?[）)、,，]", page) is not None


def test_an_input_is_named_by_its_whole_id() -> None:
    assert names_input("- **fps**: a", "fps") and names_input("**帧率**（fps）：写", "fps")
    assert names_input("**시드**(seeds, 구간마다)", "seeds")
    assert not names_input("the fps of **motion_fps** (at fps 8)", "fps")


@pytest.mark.parametrize("language", WITH_HELP)
def test_every_node_has_a_help_page_in_the_language(language: str) -> None:
    assert set(rules.help_pages(language)) == set(PAGES)


@pytest.mark.parametrize("language", WITH_HELP)
def test_help_pages_say_the_same_as_the_english(language: str) -> None:
    found = {
        node: faults
        for node, path in sorted(rules.help_pages(language).items())
        if (faults := page_faults(node, language, path.read_text(encoding="utf-8")))
    }
    assert found == {}


def page_faults(node: str, language: str, page: str) -> list[object]:
    """Everything in which a help page is not the English one in another language."""
    english, texts = PAGES[node].read_text(encoding="utf-8"), rules.node_defs(language)[node]
    faults: list[object] = []
    if rules.title(page) != texts["display_name"]:
        faults.append(f"its title is not {texts['display_name']}")
    mine, theirs = rules.shape(page), rules.shape(english)
    faults += [(part, mine[part], theirs[part]) for part in mine if mine[part] != theirs[part]]
    # More code is no fault: the id of an input, a value that the English has in italics.
    faults += [("lost code", one) for one in rules.code(english) - rules.code(page)]
    faults += [("lost", one) for one in rules.lost(*map(rules.unwrapped, (english, page)))]
    faults += [("lost name", one) for one in rules.lost_names(english, page, language, {})]
    faults += [("lost label", one) for one in rules.lost_labels(node, language, english, page)]
    faults += [(why, line) for line in page.splitlines() if (why := line_fault(line, language))]
    return faults


def line_fault(line: str, language: str) -> str | None:
    """What is wrong with a line of a page, without what stays as it is: names, code, addresses."""
    if found := rules.bad_emphasis(line):
        return f"{found!r} closes no emphasis: a sign stands before it and a letter after it"
    if line.startswith("# "):
        return None
    prose = re.sub(r"\*+[^*]+\*+|`[^`]*`|(?<=\])\([^)]*\)", "", line)
    return rules.wrong_script(prose, language)


@pytest.mark.parametrize(
    ("line", "is_wrong"),
    [
        ("| `mask` | white is what changes |", True),
        ("|---|---|", False),
        ("| **マスク** | `mask` |", False),
        ("| `mask` | 白い部分 |", False),
        ("See [the page of sketches](sketches.md).", True),
        ("スケッチは[こちら](sketches.md)。", False),
        ("动画は[こちら](sketches.md)。", True),
    ],
)
def test_rows_of_tables_and_lines_with_links_are_in_the_language_too(
    line: str, is_wrong: bool
) -> None:
    assert bool(line_fault(line, "ja")) == is_wrong


# The rules catch what they are for.


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The size of the clip.", "ja"),
        ("クリップのサイズ: the size of the clip", "ja"),
        ("クリップ", "ko"),
        ("这张图", "zh-TW"),
        ("這張圖", "zh"),
        ("这张图", "ja"),
    ],
)
def test_a_text_in_other_letters_is_found(text: str, language: str) -> None:
    assert rules.wrong_script(text, language)


def test_names_of_their_own_and_numbers_are_in_every_script() -> None:
    for language in LANGUAGES:
        assert rules.wrong_script("cfg", language) is None
        assert rules.wrong_script("0.5", language) is None


def test_what_a_translation_loses_is_found() -> None:
    assert rules.lost("0.6 is usual, 1 is full", "0.6が普通です") == ["1"]
    assert rules.lost("The MODEL of it", "モデル") == ["MODEL"]
    assert rules.lost("even, slow in", "even、ゆっくり") == [
        "slow in",
        "slow in and out",
        "slow out",
    ]
    assert rules.lost("model.ckpt of models/vae", "models/vae") == ["model.ckpt"]
    assert rules.code("`a\n  b` `c` `c`") - rules.code("`a b` `c`") == Counter(["c"])


def test_emphasis_that_no_markdown_closes_is_found() -> None:
    assert rules.bad_emphasis("**シード(seed)**は") == ")**"
    assert rules.bad_emphasis("**シード** (seed)、**強さ**は、*弱さ*も") is None
    assert rules.bad_emphasis("- **シード(seed)**: **強さ**は") is None


def test_missing_and_left_over_texts_are_listed() -> None:
    english = {"nodeDefs.json": {"A": {"description": "a"}}, "main.json": {}}
    other = {"nodeDefs.json": {"A": {"tooltip": "あ"}}, "main.json": {}}
    missing, left_over = locales.differences(english, other)
    assert missing == ["nodeDefs.json/A/description", "nodeDefs.json/A/display_name"]
    assert left_over == ["nodeDefs.json/A/tooltip"]


def test_nodes_with_a_longer_name_in_older_versions_have_none_in_english() -> None:
    texts = {
        "nodes": {"A": {"description": "a"}, "B": {"description": "b"}},
        "names": {"A": "Load A", "B": "Load B"},
        "longer_names": ["B"],
        "categories": ["ToonCrafter", "cut", "sampling"],
    }
    made = locales.english_of(texts)
    assert made["nodeDefs.json"]["A"]["display_name"] == "Load A"
    assert "display_name" not in made["nodeDefs.json"]["B"]
    assert made["main.json"]["nodeCategories"] == {"cut": "cut"}
    assert made["main.json"]["templateWorkflows"] == {"category": {"tooncrafter": "ToonCrafter"}}
    assert "nodeDefs.json/B/display_name" in locales.needed(made)
