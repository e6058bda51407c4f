"""What a translation of the nodes' texts and help pages has to keep of the English."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.imports import ROOT
from support.letters import foreign_letter

HELP = ROOT / "web/docs"
LOCALES = ROOT / "locales"

SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "zh-TW": re.compile(r"[\u4e00-\u9fff]"),
}
KEPT = {
    "cfg",
    "eta",
    "fps",
    "clip",
    "clip_vision",
    "vae",
    "latent",
    "token",
    "controlnet",
    "tooncrafter",
}
"""Names, in small letters, that other languages write as they are."""
SYNTAX = re.compile(r"[{}@|]")
"""Letters that the page's translation takes for its own syntax."""
BUTTONS = ("Free model and node cache",)
"""Of ComfyUI, under the English names that every page of it has."""
SPACINGS = ("slow in and out", "slow in", "slow out", "even")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
TOKEN = re.compile(r"(?<![A-Za-z_])(?:[A-Z][A-Z0-9_]{2,}s?|\w+\.(?:ckpt|safetensors)|models/\w+)")
ENGLISH_RUN = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){3}[a-z]{2,}\b")
"""Four small English words in a row: a sentence that was left as it was."""


def english_names() -> dict[str, str]:
    """The English names of the nodes by id, from the titles of their help pages."""
    return {path.stem: title(path.read_text(encoding="utf-8")) for path in HELP.glob("*.md")}


def title(page: str) -> str:
    """The first heading of a page."""
    return page.splitlines()[0].removeprefix("# ")


def node_defs(language: str) -> dict[str, Any]:
    """The texts of the nodes in a language."""
    return json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))


def prose(text: str) -> str:
    """A text without code, file names and numbers of any kind."""
    return NUMBER.sub("", TOKEN.sub("", re.sub(r"`[^`]*`", "", text)))


def wrong_script(text: str, language: str) -> str | None:
    """Say why a text is not in the letters of its language, if so."""
    if found := foreign_letter(text, language):
        return f"{found!r} is of another language"
    if text.lower() in KEPT or not re.search(r"[^\W\d_]", prose(text)):
        return None
    if not SCRIPTS[language].search(text):
        return "not translated"
    if found := ENGLISH_RUN.search(without_values(text)):
        return f"{found[0]!r} is left in English"
    return None


def without_values(text: str) -> str:
    """A text without the values that people type, which are English everywhere."""
    for name in (*SPACINGS, *BUTTONS):
        text = text.replace(name, "")
    return re.sub(r"`[^`]*`", "", text)


def lost(english: str, text: str) -> list[str]:
    """Numbers, names of types, files and spacings that a translation does not have."""
    numbers = set(NUMBER.findall(english)) - set(NUMBER.findall(text))
    tokens = {word for word in TOKEN.findall(english) if word.removesuffix("s") not in text}
    values = {name for name in SPACINGS if "slow in" in english and name not in text}
    return sorted(numbers | tokens | values)


def lost_names(english: str, text: str, language: str, labels: dict[str, str]) -> list[str]:
    """Names in quotes or italics that are not there as the page shows them in this language."""
    shown = {name: node_defs(language)[node]["display_name"] for node, name in NAMES.items()}
    shown |= labels
    named = re.findall(r"(?<![\w*])(?:'([^']+)'|\*([^*]+)\*)(?![\w*])", english)
    wanted = {shown[one] for pair in named for one in pair if one in shown}
    return sorted(name for name in wanted if name not in text)


NAMES = english_names()


def labels(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Inputs of a node by id and outputs by place, each with the name that is shown."""
    yield from ((key, one["name"]) for key, one in node.get("inputs", {}).items())
    yield from ((key, one["name"]) for key, one in node.get("outputs", {}).items() if "name" in one)


def shape(page: str) -> dict[str, Any]:
    """What a help page has in every language: headings, lists, tables and links."""
    lines = page.splitlines()
    return {
        "headings": [len(line) - len(line.lstrip("#")) for line in lines if line.startswith("#")],
        "list items": sum(line.startswith("- ") for line in lines),
        "table rows": [line.count("|") for line in lines if line.startswith("|")],
        "links": re.findall(r"\]\(([^)]*)\)", page),
    }


def code(page: str) -> Counter[str]:
    """What a page has in the letters of a machine: values, files, ids."""
    return Counter(re.findall(r"`([^`]*)`", unwrapped(page)))


def unwrapped(page: str) -> str:
    """A page without the ends of its lines."""
    return " ".join(page.split())


def bad_emphasis(line: str) -> str | None:
    """The asterisks that are meant to close an emphasis and do not, with the letter before."""
    marks = list(re.finditer(r"\*{1,2}", line))
    for mark in marks[1::2]:
        before, after = line[mark.start() - 1], line[mark.end() : mark.end() + 1]
        if not before.isalnum() and after.isalnum():
            return before + mark[0]
    return None


def help_pages(language: str) -> dict[str, Path]:
    """The help pages of a language by node."""
    if language == "en":
        return {path.stem: path for path in HELP.glob("*.md")}
    return {path.parent.name: path for path in HELP.glob(f"*/{language}.md")}


def lost_labels(node: str, language: str, english: str, page: str) -> list[str]:
    """Bold names of inputs and outputs that a page does not have in bold as the node shows them.

    An input has its id as well: messages and workflow files use it.
    """
    mine, theirs = dict(labels(node_defs("en")[node])), dict(labels(node_defs(language)[node]))
    bold = set(re.findall(r"\*\*([^*]+)\*\*", english))
    wanted = {f"**{theirs[key]}**" for key, name in mine.items() if {key, name} & bold}
    ids = {key for key in node_defs("en")[node].get("inputs", {}) if key in bold}
    return sorted(one for one in wanted | ids if one not in page)
