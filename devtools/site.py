"""The documents as a site: collected, with references made from the nodes and the commands.

`dev.py docs` builds it into out/site. What it is made of lies in out/site_pages. Nothing in it is
written twice: pages come from where they are, and each node's inputs and each command's options
from the running code, so that none can go stale.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from devtools.console import PROJECT, DevError, heading, run, say
from devtools.environment import python
from devtools.hosts import ensure_host, versions
from devtools.site_reference import command_pages, node_page

PAGES, SITE = PROJECT / "out" / "site_pages", PROJECT / "out" / "site"
REPOSITORY = "https://github.com/tooncrafter/ComfyUI-ToonCrafter"
LINK = re.compile(
    r"(?P<code>^```.*?^```|`[^`\n]+`)"
    r"|(?P<before>\]\(|^\[[^\]\n]+\]:[ ]+|<img\b[^>]*?\bsrc=\")"
    r"(?!https?:|mailto:|#)(?P<target>[^)#\s\"]+)",
    re.DOTALL | re.MULTILINE,
)
"""A link in the text, at the end of it, or of a picture; what stands in code is none."""
WORKER = Path(__file__).with_name("iframe-worker.js")
"""Lets the search work where the site is opened from a folder; mkdocs knows it by its name."""
PICTURES = (".png", ".jpg", ".svg", ".gif", ".webp")

Nav = list[dict[str, Any]]

READERS: dict[str, tuple[str, ...]] = {
    "For animators": (
        "docs/making_a_clip.md", "docs/cuts.md", "docs/sketches.md", "docs/speed.md",
        "docs/weights.md", "docs/mini_model.md", "docs/troubleshooting.md",
    ),
    "For studios": (
        "docs/command_line.md", "docs/episodes.md", "docs/dataset.md", "docs/training.md",
        "docs/evaluation.md",
    ),
    "For developers": (
        "docs/architecture.md", "CONTRIBUTING.md", "benchmarks/README.md", "docs/experiments.md",
        "docs/translation.md", "CHANGELOG.md",
    ),
    "日本語, 한국어, 中文": ("README.ja.md", "README.ko.md", "README.zh.md"),
}  # fmt: skip
"""Pages by who reads them, in the order of the menu; a page of `docs` that is new comes last."""
NAMES = {"README.ja.md": "日本語", "README.ko.md": "한국어", "README.zh.md": "简体中文"}
"""What the menu calls pages that have the title of another one."""
OTHERS = "More"


def documents() -> dict[str, tuple[str, ...]]:
    """Every page of the menu by its part of the menu."""
    listed = {page for pages in READERS.values() for page in pages}
    there = {f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md")}
    left = sorted(there - listed - {"docs/README.md"})
    return {**READERS, **({OTHERS: tuple(left)} if left else {})}


def help_page(node: str) -> Path:
    """The English help page of a node."""
    return PROJECT / "web" / "docs" / f"{node}.md"


def places(nodes: Sequence[str]) -> dict[str, str]:
    """Where each page of the project is in the site, by paths from the root of both."""
    found = {page: page for pages in documents().values() for page in pages}
    found |= {"README.md": "index.md", "docs/README.md": "docs/index.md"}
    for node in nodes:
        found[help_page(node).relative_to(PROJECT).as_posix()] = f"nodes/{node}.md"
    return found


def with_links(text: str, page: str, where: Mapping[str, str]) -> tuple[str, set[str]]:
    """A page with its links as they are in the site, and the pictures that it shows.

    What is no page of the site is linked to in the repository.
    """
    pictures: set[str] = set()
    here = PurePosixPath(where[page]).parent

    def moved(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        return match["before"] + place_of(match["target"])

    def place_of(link: str) -> str:
        target = os.path.normpath(PurePosixPath(page).parent / link).replace(os.sep, "/")
        if not (PROJECT / target).exists():
            raise DevError(f"{page} links to '{link}', which is not there.")
        if target not in where and not target.endswith(PICTURES):
            kind = "tree" if (PROJECT / target).is_dir() else "blob"
            return f"{REPOSITORY}/{kind}/main/{target}"
        if target not in where:
            pictures.add(target)
        return os.path.relpath(where.get(target, target), here).replace(os.sep, "/")

    return LINK.sub(moved, text), pictures


def collect(nodes: Mapping[str, Any], helps: Mapping[str, str], folder: Path) -> Nav:
    """Write every page of the site into a folder; gives the menu."""
    where = places(list(nodes))
    pictures: set[str] = set()
    for page, place in where.items():
        text = (PROJECT / page).read_text(encoding="utf-8")
        text, shown = with_links(text, page, where)
        pictures |= shown
        node = nodes.get(PurePosixPath(place).stem) if place.startswith("nodes/") else None
        save(folder / place, node_page(text, node) if node else text)
    for picture in sorted(pictures):
        (folder / picture).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / picture, folder / picture)
    save(folder / "javascripts" / WORKER.name, WORKER.read_text(encoding="utf-8"))
    commands = command_pages(helps)
    for name, text in commands.items():
        save(folder / "commands" / f"{name}.md", text)
    menu: Nav = [{"ToonCrafter": "index.md"}, {"Contents": "docs/index.md"}]
    for part, pages in documents().items():
        entries = [{NAMES[page]: where[page]} if page in NAMES else where[page] for page in pages]
        menu.append({part: entries})
    names = {node["display_name"]: f"nodes/{kind}.md" for kind, node in nodes.items()}
    menu.append({"Nodes": [{name: page} for name, page in names.items()]})
    menu.append({"Commands": [{name: f"commands/{name}.md"} for name in commands]})
    menu.append({"Repository": REPOSITORY})
    return menu


def save(path: Path, text: str) -> None:
    """Write a page of the site."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def settings(menu: Nav, pages: Path, site: Path) -> dict[str, Any]:
    """What mkdocs is to do: complain about every dead link, and load nothing from elsewhere."""
    return {
        "site_name": "ToonCrafter for ComfyUI",
        "site_description": "The drawings between two key drawings",
        "docs_dir": str(pages),
        "site_dir": str(site),
        "use_directory_urls": False,
        "theme": {"name": "material", "font": False, "features": ["navigation.indexes"]},
        # The search works where the site is opened from a folder, too. Without a script of that
        # name, and with an address of the repository, every page would load from elsewhere.
        "plugins": ["search", "offline"],
        "extra": {"polyfills": [f"javascripts/{WORKER.name}"]},
        "markdown_extensions": ["tables", "admonition", {"toc": {"permalink": True}}],
        "validation": {
            "omitted_files": "warn", "absolute_links": "warn", "unrecognized_links": "warn",
            "anchors": "warn",
        },
        "nav": menu,
    }  # fmt: skip


def ask(module: str, scratch: Path, **changes: str) -> dict[str, Any]:
    """What a program of `tests` says of the running code."""
    file = scratch / "answer.json"
    if run([python(), "-m", module, file], **changes) != 0:
        raise DevError(f"{module} could not be run; the message is above.")
    return json.loads(file.read_text(encoding="utf-8"))


def build(settings_file: Path) -> int:
    """Let mkdocs build; a dead link is a failure. Gives its exit code."""
    command = [python(), "-m", "mkdocs", "build", "--strict", "--clean"]
    # With --quiet it would count no warnings; the variable spares an advertisement at each run.
    return run([*command, "-f", settings_file], NO_MKDOCS_2_WARNING="1")


def command_docs(arguments: Sequence[str]) -> int:
    """Build the site into out/site."""
    if arguments:
        raise DevError(f"'docs' takes no further words, got '{arguments[0]}'.")
    heading("asking the nodes and the commands")
    with TemporaryDirectory() as scratch:
        host = ensure_host(versions()[-1])
        nodes = ask("comfyui.node_reference", Path(scratch), **host.changes)
        helps = ask("support.command_reference", Path(scratch))
    shutil.rmtree(PAGES, ignore_errors=True)
    menu = collect(nodes, helps, PAGES)
    # JSON is YAML, so that this needs no package.
    file = PAGES.with_name("mkdocs.yml")
    save(file, json.dumps(settings(menu, PAGES, SITE), indent=2))
    heading("building the site")
    code = build(file)
    if code == 0:
        say(f"open {SITE / 'index.html'}")
    return code
