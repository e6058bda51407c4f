"""The site: every page is in it, links lead somewhere, references say what the code takes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from comfyui.node_reference import ours
from devtools import site
from devtools.console import DevError
from devtools.site_reference import command_pages, node_page
from support.command_reference import helps
from tooncrafter_core.cli import COMMANDS, build_parser

TAG = re.compile(r"<(script|link|img|iframe|a|source|video)\b([^>]*)>")

KEYFRAMES: dict[str, Any] = {
    "display_name": "ToonCrafter Keyframes",
    "category": "ToonCrafter",
    "input": {
        "required": {
            "vae": ["VAE", {"tooltip": "The <VAE> of 'Load ToonCrafter'."}],
            "width": [
                "INT",
                {"default": 512, "min": 16, "max": 4096, "tooltip": "In *pixels* & more."},
            ],
            "fit": ["COMBO", {"options": ["crop", "pad, white"], "default": "crop"}],
            "older": [["one", "two|three"], {}],
        },
        "optional": {"seed": ["INT", {"display_name": "encoding seed"}]},
    },
    "output": ["LATENT"],
    "output_name": ["LATENT"],
    "output_tooltips": ["The empty clip."],
}


@pytest.fixture(scope="module")
def command_helps() -> dict[str, str]:
    """The help of every command."""
    return dict(helps(build_parser()))


def loads_from_elsewhere(folder: Path) -> set[str]:
    """What pages of a site load from another place than their folder."""
    found = set()
    for page in folder.rglob("*.html"):
        for name, text in TAG.findall(page.read_text(encoding="utf-8")):
            address = re.search(r"""(?:src|href)=["']?((?:https?:)?//[^"' >]+)""", text)
            # Links are not followed, but this one has its repository's stars asked for.
            if address and (name != "a" or 'data-md-component="source"' in text):
                found.add(f"{name} {address[1]}")
    return found


@pytest.mark.parametrize(
    ("page", "is_found"),
    [
        ('<script src="https://a.b/c.js"></script>', True),
        ('<link rel=stylesheet href="//a.b/c.css">', True),
        ("<img alt=x src=https://a.b/c.png>", True),
        ('<a href="https://a.b" data-md-component="source">', True),
        ('<a href="https://a.b">x</a><script src="javascripts/a.js"></script>', False),
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found(
    tmp_path: Path, page: str, is_found: bool
) -> None:
    (tmp_path / "a.html").write_text(page)
    assert bool(loads_from_elsewhere(tmp_path)) == is_found


def test_the_site_is_built_and_has_no_dead_link(
    tmp_path: Path, command_helps: dict[str, str]
) -> None:
    menu = site.collect({"ToonCrafterKeyframes": KEYFRAMES}, command_helps, tmp_path / "pages")
    file = tmp_path / "mkdocs.yml"
    options = site.settings(menu, tmp_path / "pages", tmp_path / "site")
    site.save(file, json.dumps(options))
    assert site.build(file) == 0
    for page in ("index", "docs/cuts", "nodes/ToonCrafterKeyframes", "commands/cut"):
        assert (tmp_path / "site" / f"{page}.html").is_file()
    index = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    # Three READMEs have the same title; the menu has each by its language.
    menu = re.findall(r'href="(README\.\w+)\.html" class="md-nav__link">\s*<[^>]+>\s*(.+)', index)
    assert [(f"{page}.md", name.strip()) for page, name in menu] == list(site.NAMES.items())
    assert "--spacing" in (tmp_path / "site/commands/cut.html").read_text(encoding="utf-8")
    assert loads_from_elsewhere(tmp_path / "site") == set()
    assert (tmp_path / "site/javascripts" / site.WORKER.name).is_file()
    # So that the run above would have found one.
    page = tmp_path / "pages" / "index.md"
    site.save(page, page.read_text(encoding="utf-8") + "\n[dead](docs/no_such_page.md)\n")
    assert site.build(file) != 0


def test_every_document_is_in_the_menu() -> None:
    listed = [page for pages in site.documents().values() for page in pages]
    assert len(listed) == len(set(listed))
    assert {page for page in listed if not (site.PROJECT / page).is_file()} == set()
    there = {f"docs/{path.name}" for path in (site.PROJECT / "docs").glob("*.md")}
    assert there - set(listed) == {"docs/README.md"}


def test_links_are_those_of_the_site_and_others_lead_into_the_repository() -> None:
    where = {"docs/cuts.md": "docs/cuts.md", "README.md": "index.md"}
    text = "[a](../README.md#install) [b](../dev.py) [c](../nodes) [d](https://x.y) [e](#here)"
    found, pictures = site.with_links(text, "docs/cuts.md", where)
    assert found == (
        f"[a](../index.md#install) [b]({site.REPOSITORY}/blob/main/dev.py) "
        f"[c]({site.REPOSITORY}/tree/main/nodes) [d](https://x.y) [e](#here)"
    )
    assert pictures == set()
    found, pictures = site.with_links("![p](images/hints.png)", "docs/cuts.md", where)
    assert pictures == {"docs/images/hints.png"} and found == "![p](images/hints.png)"
    for link in ("[x](gone.md)", "[x]: gone.md", '<img alt="x" src="gone.md">'):
        with pytest.raises(
            DevError, match=r"docs/cuts\.md links to 'gone\.md', which is not there"
        ):
            site.with_links(link, "docs/cuts.md", where)


def test_references_and_pictures_of_html_are_links_and_code_is_none() -> None:
    where = {"docs/cuts.md": "docs/cuts.md", "README.md": "index.md"}
    text = '[r]: ../README.md#a\n<img width="9" src="images/hints.png">'
    found, pictures = site.with_links(text, "docs/cuts.md", where)
    assert found == text.replace("README", "index") and pictures == {"docs/images/hints.png"}
    for code in ("`[x](gone.md)`", "```\n[x](gone.md)\n[y]: gone.md\n```"):
        assert site.with_links(code, "docs/cuts.md", where) == (code, set())


def test_a_node_page_says_what_the_node_takes_and_gives() -> None:
    lines = node_page("# ToonCrafter Keyframes\n", KEYFRAMES).splitlines()
    assert "| vae | VAE |  | The &lt;VAE&gt; of 'Load ToonCrafter'. |" in lines
    default = "default <code>512</code>"
    assert f"| width | INT | 16 to 4096; {default} | In \\*pixels\\* &amp; more. |" in lines
    crop, pad = "<code>crop</code>", "<code>pad, white</code>"
    assert f"| fit | COMBO | {crop}, {pad}; default {crop} |  |" in lines
    assert "| older | COMBO | <code>one</code>, <code>two&#124;three</code> |  |" in lines
    assert "| seed (encoding seed) (optional) | INT |  |  |" in lines
    assert "| LATENT | LATENT | The empty clip. |" in lines


@pytest.mark.parametrize(
    ("node", "is_listed"),
    [
        ({"category": "ToonCrafter/cut"}, True),
        ({"category": "ToonCrafter", "dev_only": False}, True),
        ({"category": "ToonCrafter/cut/internal"}, False),
        ({"category": "ToonCrafter/cut/internal", "dev_only": True}, False),
        ({"category": "ToonCrafter/cut", "dev_only": True}, False),
        ({"category": "image/internal"}, False),
    ],
)
def test_internal_nodes_are_not_listed_in_old_hosts_either(
    node: dict[str, Any], is_listed: bool
) -> None:
    assert bool(ours({"A": node})) == is_listed


def test_every_command_has_a_page(command_helps: dict[str, str]) -> None:
    pages = command_pages(command_helps)
    assert set(pages) == {"tooncrafter", *COMMANDS}
    assert "## tooncrafter dataset build" in pages["dataset"]
