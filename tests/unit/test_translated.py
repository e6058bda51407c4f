"""A translation that lags behind its English is noticed, and recorded when it has caught up."""

import json
from pathlib import Path

import pytest

from devtools import translated
from devtools.console import DevError
from devtools.locales import languages

ENGLISH = {"A/tooltip": "The width.", "web/docs/A": "# A\n\nMakes it\nwide."}
JAPANESE = {"A/tooltip": "幅です。", "web/docs/A": "# A\n\n広くします。"}


@pytest.mark.parametrize("language", languages())
def test_nodes_help_and_readme_are_recorded(language: str) -> None:
    recorded = translated.read_record()[language]
    wanted = {"nodeDefs.json/ToonCrafterKeyframes/display_name", "web/docs/ToonCrafterKeyframes"}
    if language != "zh-TW":
        wanted |= {"README.md", "README.md/Install", "docs/troubleshooting.md"}
    assert wanted <= set(recorded)


def test_an_english_that_changes_under_a_translation_is_listed() -> None:
    recorded = translated.pairs(ENGLISH, JAPANESE)
    english = {**ENGLISH, "A/tooltip": "The width in pixels."}
    now = translated.pairs(english, JAPANESE)
    assert translated.outdated(now, recorded) == ["A/tooltip"]
    # It stays listed however often the command runs.
    kept = translated.renewed(now, recorded)
    assert kept == recorded and translated.outdated(now, kept) == ["A/tooltip"]


def test_a_translation_that_has_changed_with_its_english_is_recorded() -> None:
    recorded = translated.pairs(ENGLISH, JAPANESE)
    english = {**ENGLISH, "A/tooltip": "The width in pixels."}
    now = translated.pairs(english, {**JAPANESE, "A/tooltip": "ピクセル単位の幅です。"})
    assert translated.outdated(now, recorded) == []
    assert translated.renewed(now, recorded) == now


def test_new_texts_are_recorded_and_removed_ones_leave() -> None:
    recorded = {"gone": "1 2"}
    now = translated.pairs(ENGLISH, JAPANESE)
    assert translated.renewed(now, recorded) == now


def test_ends_of_lines_are_no_change() -> None:
    english = {**ENGLISH, "web/docs/A": "# A\n\nMakes it wide."}
    assert translated.pairs(english, JAPANESE) == translated.pairs(ENGLISH, JAPANESE)


def project(folder: Path) -> Path:
    """A project of one node with a Japanese translation, and nothing to read it from but files."""
    for language, name in (("en", "Width"), ("ja", "幅")):
        (folder / "locales" / language).mkdir(parents=True)
        texts = {"A": {"description": name}}
        file = folder / "locales" / language / "nodeDefs.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
    (folder / "web/docs/A").mkdir(parents=True)
    (folder / "web/docs/A.md").write_text("# Node A\n", encoding="utf-8")
    (folder / "web/docs/A/ja.md").write_text("# ノードA\n", encoding="utf-8")
    (folder / "docs").mkdir()
    for file in {file for file, _ in translated.README_PARTS}:
        headings = [part for one, part in translated.README_PARTS if one == file and part]
        page = "top\n" + "".join(f"## {part}\n\nabout {part}\n" for part in headings)
        (folder / file).write_text(page, encoding="utf-8")
    parts = "".join(f"## 部{n}\n\n本文{n}\n" for n in range(1, len(translated.README_PARTS)))
    (folder / "README.ja.md").write_text("上\n" + parts, encoding="utf-8")
    return folder


def test_parts_of_a_readme_are_matched_with_the_english_in_order(tmp_path: Path) -> None:
    here = project(tmp_path)
    english, japanese = translated.english_texts(here), translated.translated_texts("ja", here)
    assert set(japanese) <= set(english)
    assert english["nodeDefs.json/A/display_name"] == "Node A"
    assert english["README.md"].strip() == "top" and japanese["README.md"].strip() == "上"
    assert english["README.md/Install"].strip() == "about Install"
    assert english["docs/troubleshooting.md"].strip() == "top"
    last = len(translated.README_PARTS) - 1
    assert japanese["README.md/Licence"].strip() == f"本文{last}"


def test_a_part_of_a_readme_without_its_english_is_reported(tmp_path: Path) -> None:
    here = project(tmp_path)
    readme = here / "README.ja.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "## 新しい\n", encoding="utf-8")
    with pytest.raises(DevError, match="every part needs the English that it is made from"):
        translated.translated_texts("ja", here)
    (here / "README.md").write_text("top\n## Try it\n", encoding="utf-8")
    with pytest.raises(DevError, match=r"README\.md has no part 'Install'"):
        translated.english_texts(here)


def test_a_record_with_a_conflict_of_a_merge_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "made_from.json"
    assert translated.read_record(file) == {}
    translated.write_record({"ja": {"A": "1 2"}}, file)
    assert translated.read_record(file) == {"ja": {"A": "1 2"}}
    file.write_text("<<<<<<< HEAD\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DevError, match="take either side"):
        translated.read_record(file)
