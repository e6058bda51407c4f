"""Texts of a language have the letters and the words of that language and of no other."""

from collections.abc import Iterator

import pytest

from devtools import locales
from support import translations as rules
from support.letters import foreign_letter, foreign_words

LANGUAGES = locales.languages()


def lines_of(language: str) -> Iterator[tuple[str, str]]:
    """Every line that is written in a language, with the file that it is in."""
    paths = [locales.LOCALES / language / name for name in locales.FILES]
    paths += [path for _, path in sorted(rules.help_pages(language).items())]
    paths += list(rules.ROOT.glob(f"README.{language}.md"))
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            # The names of the languages are each in its own.
            if "](README" not in line:
                yield path.relative_to(rules.ROOT).as_posix(), line


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_has_a_character_of_another_language(language: str) -> None:
    lines = list(lines_of(language))
    assert len(lines) > 500
    found = {(file, letter) for file, line in lines if (letter := foreign_letter(line, language))}
    assert found == set()


@pytest.mark.parametrize("language", ["zh", "zh-TW"])
def test_no_text_has_a_word_of_the_other_chinese(language: str) -> None:
    wrong = {
        (file, word, f"write {own}")
        for file, line in lines_of(language)
        for word, own in foreign_words(line, language).items()
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("language", "text", "letter"),
    [
        ("ja", "这个", "这"),
        ("ja", "最初の原畫", "畫"),
        ("ja", "그림", "그"),
        ("ko", "첫 原画", "原"),
        ("ko", "첫 コマ", "コ"),
        ("zh", "首張原画", "張"),
        ("zh", "最後", "後"),
        ("zh", "中割り", "り"),
        ("zh-TW", "首张原畫", "张"),
        ("zh-TW", "體积", "积"),
        ("zh-TW", "最后", "后"),
    ],
)
def test_a_character_of_another_language_is_found(language: str, text: str, letter: str) -> None:
    assert foreign_letter(text, language) == letter


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", "最初の原画と中割り、〜が終わる図"),
        ("ko", "첫 원화 256x160…"),
        ("zh", "首张原画“帧”、后面"),
        ("zh-TW", "首張原畫「影格」、後面、只、台、干擾、四周"),
    ],
)
def test_the_characters_of_a_language_are_its_own(language: str, text: str) -> None:
    assert foreign_letter(text, language) is None


def test_words_of_the_other_chinese_are_found_with_the_word_to_write() -> None:
    assert foreign_words("保存視頻的文件", "zh-TW") == {
        "視頻": "影片",
        "文件": "檔案",
        "保存": "儲存",
    }
    assert foreign_words("储存影像的资料夹", "zh") == {
        "资料夹": "文件夹",
        "储存": "保存",
        "影像": "图像",
    }
    # ComfyUI's own button is called as its page calls it.
    assert foreign_words("按「卸載模型與執行快取」", "zh-TW") == {}
    assert foreign_words("卸載", "zh-TW") == {"卸載": "解除安裝"}
