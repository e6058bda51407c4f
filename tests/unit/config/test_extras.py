"""Packages of an extra are installed from the pack's folder, never under its name from PyPI."""

import re

import pytest

from support.imports import ROOT
from support.registry import read_pyproject
from tooncrafter_core.config.extras import install_extra
from tooncrafter_core.data.extras import require
from tooncrafter_core.errors import DatasetError

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
CODE = [path for top in ("tooncrafter_core", "nodes") for path in (ROOT / top).rglob("*.py")]


def test_a_missing_package_is_installed_in_the_folder_of_the_pack() -> None:
    with pytest.raises(
        DatasetError, match=r'folder of the pack, run: pip install -e "\.\[data\]"$'
    ):
        require("package_that_is_not_there")


def test_every_extra_that_is_named_is_one_and_none_is_asked_of_pypi() -> None:
    extras = set(read_pyproject(ROOT)["project"]["optional-dependencies"])
    texts = {path: path.read_text(encoding="utf-8") for path in (*PAGES, *CODE)}
    named: set[str] = set()
    for text in texts.values():
        for names in re.findall(r'pip install -e "\.\[([a-z,]+)\]"', text):
            named |= set(names.split(","))
        named |= set(re.findall(r'install_extra\("([a-z]+)"\)', text))
    assert {"data", "train", "cluster"} <= named <= extras
    assert [path for path, text in texts.items() if re.search(r"\btooncrafter\[", text)] == []
    assert "[data]" in install_extra("data")
