"""Words that were used with many meanings here, and how often they still stand in the project.

The terms to use instead are in CONTRIBUTING.md. A word counts as a part of a name, too, as in
``was_told``, but not as an attribute: ``file.tell()`` is Python's, ``data.beside`` an option.
"""

import re
from collections.abc import Mapping

from support.imports import ROOT

PRIVATE = {
    "told": 20,
    "tell": 4,
    "tells": 2,
    "telling": 0,
    "by itself": 0,
    "anew": 0,
    "beside": 10,
    "learnt": 3,
    "person at the screen": 0,
    "numbers that are none": 0,
    "describe the node": 0,
}
"""How often each may stand in Python and Markdown: numbers may fall and rows may go, no more."""

OWN = ("tests/support/words.py", "tests/unit/test_house_rules.py", "CHANGELOG.md")
"""Files that name the words, or record what was said before."""

FOLDERS = ("tooncrafter_core", "nodes", "web", "docs", "devtools", "benchmarks", "tests")


def texts() -> dict[str, str]:
    """Every file of our own words by its path from the project's root."""
    paths = [*ROOT.glob("*.py"), *ROOT.glob("*.md")]
    for folder in FOLDERS:
        paths += [path for kind in ("py", "md") for path in (ROOT / folder).rglob(f"*.{kind}")]
    found = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(paths)}
    return {name: text for name, text in found.items() if name not in OWN}


def count(texts: Mapping[str, str], word: str) -> dict[str, int]:
    """How often a word stands in each file; it may go on in the next line or be part of a name."""
    parts = r"[\s_#]+".join(word.split())
    pattern = re.compile(rf"(?<![a-z.]){parts}(?![a-z])", re.IGNORECASE)
    counts = {path: len(pattern.findall(text)) for path, text in texts.items()}
    return {path: number for path, number in counts.items() if number}


def private_words(texts: Mapping[str, str], allowed: Mapping[str, int] = PRIVATE) -> list[str]:
    """Words that stand more often than they may, and numbers that can fall."""
    found: list[str] = []
    for word, most in allowed.items():
        counts = count(texts, word)
        total = sum(counts.values())
        if total > most:
            where = ", ".join(f"{path} ({number})" for path, number in counts.items())
            found.append(f"'{word}' stands {total} times, and may {most} times: {where}")
        elif total < most:
            found.append(f"'{word}' stands {total} times now: its number can fall from {most}")
    return found
