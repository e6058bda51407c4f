"""Which English each translated text was made from, so that one that lags behind is noticed.

`locales/made_from.json` has two digests for each text of each language: of the English, and of the
translation that was made from it. An English that changes under a translation that stays is
listed; where both have changed, somebody translated it again, and the new pair is recorded.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from devtools.console import PROJECT, DevError
from devtools.locales import ENGLISH, FILES, LOCALES, languages, read, texts_of

RECORD = LOCALES / "made_from.json"
README_PARTS = (
    ("README.md", ""),
    ("README.md", "Try it"),
    ("README.md", "Install"),
    ("README.md", "Weights"),
    ("docs/making_a_clip.md", "Start from an example"),
    ("README.md", "Your first cut"),
    ("docs/troubleshooting.md", None),
    ("README.md", "Licence"),
)
"""What each part of a translated README is made from: a part of a file, or all of it."""
NODES, _ = FILES

Texts = dict[str, str]
"""Texts by place: a text of a node, a help page, a part of the README."""
Record = dict[str, dict[str, str]]
"""By language and place the digests of the English and of the translation, with a blank between."""


def parts_of(page: str) -> Texts:
    """The parts of a page by their headings; what comes before the first has none."""
    pieces = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return {"": pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}


def english_texts(project: Path = PROJECT) -> Texts:
    """Every English text that other languages translate."""
    found = texts_of(read(ENGLISH, project / "locales"))
    for path in sorted((project / "web" / "docs").glob("*.md")):
        page = path.read_text(encoding="utf-8")
        found[f"web/docs/{path.stem}"] = page
        # Names that differ between versions of ComfyUI are in no file of English.
        title = page.splitlines()[0].removeprefix("# ")
        found.setdefault(f"{NODES}/{path.stem}/display_name", title)
    for file, part in README_PARTS:
        page = (project / file).read_text(encoding="utf-8")
        if part is not None and part not in parts_of(page):
            raise DevError(f"{file} has no part '{part}', of which translations are made.")
        found[readme_place(file, part)] = page if part is None else parts_of(page)[part]
    return found


def readme_place(file: str, part: str | None) -> str:
    """What a part of a README is called in the record: its English file and heading."""
    return file if not part else f"{file}/{part}"


def translated_texts(language: str, project: Path = PROJECT) -> Texts:
    """Every text of a language, under the places of the English."""
    found = texts_of(read(language, project / "locales"))
    for path in sorted((project / "web" / "docs").glob(f"*/{language}.md")):
        found[f"web/docs/{path.parent.name}"] = path.read_text(encoding="utf-8")
    readme = project / f"README.{language}.md"
    if readme.exists():
        parts = list(parts_of(readme.read_text(encoding="utf-8")).values())
        if len(parts) != len(README_PARTS):
            raise DevError(
                f"{readme.name} has {len(parts)} parts, and README_PARTS in devtools/translated.py "
                f"{len(README_PARTS)}: every part needs the English that it is made from."
            )
        places = [readme_place(file, part) for file, part in README_PARTS]
        found |= dict(zip(places, parts, strict=True))
    return found


def digest(text: str) -> str:
    """A few letters that change with the words of a text, and not with the ends of its lines."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:8]


def pairs(english: Mapping[str, str], translated: Mapping[str, str]) -> dict[str, str]:
    """Both digests of every text that both languages have."""
    places = sorted(english.keys() & translated.keys())
    return {place: f"{digest(english[place])} {digest(translated[place])}" for place in places}


def outdated(now: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    """Places where the English has changed, and the translation is still the recorded one."""
    before = {place: pair.split() for place, pair in recorded.items()}
    after = {place: pair.split() for place, pair in now.items()}
    shared = sorted(before.keys() & after.keys())
    return [
        place
        for place in shared
        if before[place][0] != after[place][0] and before[place][1] == after[place][1]
    ]


def renewed(now: Mapping[str, str], recorded: Mapping[str, str]) -> dict[str, str]:
    """The record of a language with all that was translated since; what is outdated stays."""
    lagging = outdated(now, recorded)
    return {**now, **{place: recorded[place] for place in lagging}}


def read_record(file: Path = RECORD) -> Record:
    """What is recorded; nothing where there is no file."""
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError as error:
        raise DevError(
            f"{file} is no JSON: {error}. After a merge with conflicts take either side of it "
            f"(git checkout --theirs {file.name}) and run 'dev.py locales' again."
        ) from None


def write_record(record: Record, file: Path = RECORD) -> None:
    """Write the record, a text a line, so that two changes seldom meet in one."""
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    file.write_text(text, encoding="utf-8", newline="\n")


def update_record(done: set[str]) -> dict[str, list[str]]:
    """Record what was translated, and all of the languages that are done; gives what lags."""
    english, record = english_texts(), read_record()
    lagging: dict[str, list[str]] = {}
    for language in languages():
        now = pairs(english, translated_texts(language))
        recorded = {} if language in done else record.get(language, {})
        lagging[language] = outdated(now, recorded)
        record[language] = renewed(now, recorded)
    write_record({language: record[language] for language in languages()})
    return lagging
