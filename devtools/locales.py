"""The texts of the nodes for ComfyUI's page: the English out of the schemas, and what others lack.

ComfyUI reads `locales/LANGUAGE/nodeDefs.json` and `main.json` of a pack. English is written from
the nodes; a person translates it. docs/translation.md has the rules.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from devtools.console import PROJECT, DevError, run
from devtools.environment import python
from devtools.hosts import ensure_host, versions

LOCALES = PROJECT / "locales"
ENGLISH = "en"
FILES = ("nodeDefs.json", "main.json")
# Names of their own, and what the page translates for all packs.
NOT_OURS = ("ToonCrafter", "sampling")
TEMPLATES = {"tooncrafter": "ToonCrafter"}
"""What the page calls our examples, by the pack's folder. Their titles are their files' names."""

Tree = dict[str, Any]
"""Texts under names, as deep as a file has them."""


def english_of(texts: Mapping[str, Any]) -> dict[str, Tree]:
    """The English files, from what `comfyui.node_texts` reads of the nodes.

    Nodes with a longer name in older versions of ComfyUI have none here: the page would show it in
    place of the longer one, by which they are found there.
    """
    names = {
        node: {} if node in texts["longer_names"] else {"display_name": name}
        for node, name in texts["names"].items()
    }
    nodes = {node: {**names[node], **parts} for node, parts in texts["nodes"].items()}
    categories = {part: part for part in texts["categories"] if part not in NOT_OURS}
    main = {"nodeCategories": categories, "templateWorkflows": {"category": TEMPLATES}}
    return {"nodeDefs.json": nodes, "main.json": main}


def read(language: str, folder: Path = LOCALES) -> dict[str, Tree]:
    """The files of a language; one that is not there is empty."""
    found: dict[str, Tree] = {}
    for name in FILES:
        path = folder / language / name
        try:
            found[name] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except ValueError as error:
            raise DevError(f"{path} is no JSON: {error}") from None
    return found


def write(language: str, files: Mapping[str, Tree], folder: Path = LOCALES) -> None:
    """Write the files of a language, sorted, so that a change of one text is a change of a line."""
    (folder / language).mkdir(parents=True, exist_ok=True)
    for name, tree in files.items():
        text = json.dumps(tree, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (folder / language / name).write_text(text, encoding="utf-8", newline="\n")


def languages(folder: Path = LOCALES) -> list[str]:
    """The languages besides English."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != ENGLISH)


def leaves(tree: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a file with its place, such as ``ToonCrafterCut/inputs/keys/tooltip``."""
    for key, value in tree.items():
        place = f"{at}/{key}" if at else key
        if isinstance(value, Mapping):
            yield from leaves(value, place)
        else:
            yield place, value


def texts_of(files: Mapping[str, Tree]) -> dict[str, str]:
    """All texts of a language by file and place."""
    return {f"{name}/{at}": text for name, tree in files.items() for at, text in leaves(tree)}


def needed(english: Mapping[str, Tree]) -> set[str]:
    """The places that every other language has: those of English, and a name for every node."""
    names = {f"nodeDefs.json/{node}/display_name" for node in english["nodeDefs.json"]}
    return set(texts_of(english)) | names


def differences(english: Mapping[str, Tree], other: Mapping[str, Tree]) -> tuple[list[str], ...]:
    """The places that another language lacks, and those that are left over in it."""
    here, there = needed(english), set(texts_of(other))
    return sorted(here - there), sorted(there - here)


def read_nodes() -> dict[str, Any]:
    """Ask the newest ComfyUI that is there for the texts of the nodes."""
    host = ensure_host(versions()[-1])
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "texts.json"
        if run([python(), "-m", "comfyui.node_texts", file], **host.changes) != 0:
            raise DevError("The nodes could not be loaded; the message is above.")
        return json.loads(file.read_text(encoding="utf-8"))
