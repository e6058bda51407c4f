"""Model folders however they are registered, and names that would lead out of them."""

from pathlib import Path
from typing import Any

import folder_paths
import pytest
from tooncrafter_pack.nodes.bridge import paths

from support.refusals import assert_refused
from tooncrafter_core.errors import CheckpointError


@pytest.fixture
def folder(pack: Any, tmp_path: Path) -> Path:
    """A folder with a file in it, and one next to it that is not for models."""
    inside = tmp_path / "shared" / "models"
    (inside / "sub").mkdir(parents=True)
    (tmp_path / "shared" / "elsewhere").mkdir()
    for place in (inside / "a.safetensors", inside / "sub" / "b.safetensors",
                  tmp_path / "shared" / "secret.safetensors"):  # fmt: skip
        place.write_bytes(b"weights")
    return inside


def register(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Make it the only folder of checkpoints, in these very words."""
    folders = ([path], {".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "checkpoints", folders)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})


@pytest.mark.parametrize(
    "steps", ["{}", "{}/", "{}/../models", "{}/sub/..", "{}/./../../shared/models"]
)
def test_files_of_every_registered_folder_are_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, steps: str
) -> None:
    register(monkeypatch, steps.format(folder))
    listed = [name for name in paths.list_checkpoints() if name.endswith(".safetensors")]
    assert len(listed) == 2
    for name in listed:
        assert paths.find(name, "checkpoints").samefile(folder / name)


def test_a_folder_relative_to_comfyui_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent / "elsewhere")
    register(monkeypatch, "../models")
    assert paths.find("a.safetensors", "checkpoints").samefile(folder / "a.safetensors")


@pytest.mark.parametrize("steps", ["{}", "{}/../models"])
def test_names_that_lead_out_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, steps: str
) -> None:
    register(monkeypatch, steps.format(folder))
    # A host that would join any name with its folders.
    monkeypatch.setattr(
        folder_paths, "get_full_path", lambda kind, name: f"{steps.format(folder)}/{name}"
    )
    outside = ("../secret.safetensors", "sub/../../secret.safetensors", "../models2/a.safetensors")
    for name in outside:
        assert_refused(lambda name=name: paths.find(name, "checkpoints"), "model folders",
                       kind=CheckpointError)  # fmt: skip


def test_links_that_the_user_put_there_may_lead_anywhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "link.safetensors").symlink_to(folder.parent / "secret.safetensors")
    register(monkeypatch, f"{folder}/../models")
    assert paths.find("link.safetensors", "checkpoints").name == "link.safetensors"
