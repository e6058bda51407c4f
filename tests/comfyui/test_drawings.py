"""The drawings of the examples are there when a ComfyUI with the pack has started."""

from pathlib import Path

import folder_paths
import pytest
from tooncrafter_pack.nodes.bridge.drawings import DRAWINGS, offer_drawings

from comfyui.examples import drawings, example_names, load_prompt, nodes_of
from comfyui.host import Host


def test_every_picture_that_an_example_names_is_there_after_the_first_start(host: Host) -> None:
    info = host.object_info()
    for name in example_names():
        prompt = load_prompt(name, info)
        for node in nodes_of(prompt, "LoadImage"):
            assert (host.base / "input" / prompt[node]["inputs"]["image"]).is_file()
    assert "were copied to" in host.log() and "example workflows" in host.log()


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder_paths, "get_input_directory", lambda: str(tmp_path / "input"))
    monkeypatch.setattr(folder_paths, "get_user_directory", lambda: str(tmp_path / "user"))
    return tmp_path


def test_drawings_are_copied_once_and_nothing_is_replaced(folders: Path) -> None:
    own = folders / "input" / "tooncrafter_first.png"
    own.parent.mkdir()
    own.write_bytes(b"mine")
    copied = offer_drawings()
    assert set(copied) == {path.name for path in drawings()} - {own.name}
    assert own.read_bytes() == b"mine"
    last = folders / "input" / "tooncrafter_last.png"
    assert last.read_bytes() == (DRAWINGS / last.name).read_bytes()
    last.unlink()
    assert offer_drawings() == []
    assert not last.exists()


def test_a_folder_that_cannot_be_written_is_said_and_stops_nothing(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folders / "input").write_bytes(b"a file in place of the folder")
    assert offer_drawings() == []
    assert "could not be copied" in caplog.text
