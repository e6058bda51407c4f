"""The client in `examples` with a real server: drawings come back, and errors are its words."""

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from comfyui.host import Host
from support.host_cuts import SIDE, key
from support.imports import ROOT

pytestmark = pytest.mark.at_both_ends


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "examples"))
    yield import_module("comfyui_cut")
    sys.path.remove(str(ROOT / "examples"))


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A ComfyUI as it starts, with the model that comes with the pack."""
    with Host(os.environ["TOONCRAFTER_COMFYUI"]) as running:
        yield running


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    for number in (1, 2):
        Image.fromarray(key(number)).save(tmp_path / "keys" / f"A{number}.png")
    return tmp_path / "keys"


def test_a_cut_is_uploaded_queued_followed_and_fetched(
    client: Any, host: Host, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [host.url, str(keys), "--frames", "1,5", "--on", "2", "--size", f"{SIDE}x{SIDE}",
             "-o", str(tmp_path / "out")]  # fmt: skip
    assert client.main(words) == 0
    said = capsys.readouterr().out
    assert "2 keys are in the input folder" in said and "-sampler: " in said
    assert "3 drawings are in" in said and ".xdts" in said
    pictures = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").iterdir())]
    assert len(pictures) == 3
    shown = [any(np.array_equal(key(n), picture[..., :3]) for picture in pictures) for n in (1, 2)]
    assert shown == [True, True]


def test_what_the_server_refuses_is_said_in_its_words(
    client: Any, host: Host, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [host.url, str(keys), "--frames", "5,1", "-o", str(tmp_path / "out")]
    assert client.main(words) == 1
    assert "frame" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
