"""Save Latent, Load Latent, Decode: the size that was asked for is read from the saved workflow."""

import json
import shutil
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tooncrafter_pack.nodes.bridge.clips.saved_size import SavedSize, saved_size

from comfyui.examples import BASIC, frames_node, nodes_of, prepare, small_prompt
from comfyui.host import Host

SIZE = {"width": 120, "height": 60, "fit": "pad"}
PROMPT = {
    "7": {"class_type": "LoadLatent", "inputs": {"latent": "clip.latent"}},
    "8": {"class_type": "ToonCrafterDecode", "inputs": {"latent": ["7", 0]}},
}


def test_loaded_clip_has_the_size_that_was_asked_for(host: Host) -> None:
    prepare(host.base)
    prompt = small_prompt(BASIC, host.object_info())
    [keyframes], [sampler], [decode] = (
        nodes_of(prompt, kind)
        for kind in ("ToonCrafterKeyframes", "ToonCrafterSampler", "ToonCrafterDecode")
    )
    prompt[keyframes]["inputs"] |= SIZE
    prompt["save"] = {
        "class_type": "SaveLatent", "inputs": {"samples": [sampler, 0], "filename_prefix": "clip"},
    }  # fmt: skip
    first = host.run(prompt, timeout=300)
    assert first.status == "success", (first.error, first.validation, host.log_tail())
    [file] = (host.base / "output").glob("clip*.latent")
    shutil.copyfile(file, host.base / "input" / "clip.latent")
    drawn = [host.download(record) for record in first.images(frames_node(prompt))]

    del prompt["save"]
    drawings = {key: prompt[keyframes]["inputs"][key] for key in ("first_image", "last_image")}
    prompt["load"] = {"class_type": "LoadLatent", "inputs": {"latent": "clip.latent"}}
    prompt[decode]["inputs"] |= {"latent": ["load", 0], **drawings}
    again = host.run(prompt, timeout=300)
    assert again.status == "success", (again.error, again.validation, host.log_tail())
    loaded = [host.download(record) for record in again.images(frames_node(prompt))]
    assert np.stack(loaded).shape == (16, 60, 120, 3)
    # A latent in half precision on some hosts, then 8 bits.
    assert np.abs(np.stack(loaded) - np.stack(drawn)).max() < 0.02
    assert "The size is 120x60, fit pad" in host.log()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder_paths, "get_annotated_filepath", lambda name: str(tmp_path / name))
    return tmp_path


def write(folder: Path, *asked: dict[str, Any]) -> None:
    """A file as Save Latent writes it, with so many Keyframes nodes in its workflow."""
    nodes = {
        str(number): {"class_type": "ToonCrafterKeyframes", "inputs": inputs}
        for number, inputs in enumerate(asked)
    }
    tensors = {
        "latent_tensor": torch.zeros(1, 4, 2, 8, 8),
        "latent_format_version_0": torch.ones(1),
    }
    save_file(tensors, folder / "clip.latent", {"prompt": json.dumps(nodes)})


def test_size_is_read_where_the_file_says_one(folder: Path) -> None:
    write(folder, SIZE)
    assert saved_size(PROMPT, "8") == SavedSize(120, 60, "pad")
    write(folder, SIZE, SIZE)
    assert saved_size(PROMPT, "8") == SavedSize(120, 60, "pad")


@pytest.mark.parametrize(
    "asked",
    [
        [],
        [SIZE, {**SIZE, "width": 128}],
        [{**SIZE, "width": ["3", 0]}],
        [{**SIZE, "height": -60}],
        [{**SIZE, "fit": "somehow"}],
    ],
    ids=["no node", "two sizes", "a link", "a negative one", "an unknown fit"],
)
def test_a_file_that_says_no_size_or_several_gives_none(
    folder: Path, asked: list[dict[str, Any]]
) -> None:
    write(folder, *asked)
    assert saved_size(PROMPT, "8") is None


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"1": 3}', '{"1": {"class_type": 2}}'])
def test_a_file_with_another_text_in_it_gives_none(folder: Path, text: str) -> None:
    save_file({"latent_tensor": torch.zeros(1)}, folder / "clip.latent", {"prompt": text})
    assert saved_size(PROMPT, "8") is None
    (folder / "clip.latent").write_bytes(b"words")
    assert saved_size(PROMPT, "8") is None


def test_a_clip_that_no_file_brought_gives_none(folder: Path) -> None:
    write(folder, SIZE)
    assert saved_size(None, "8") is None
    assert saved_size(PROMPT, "7") is None
    straight = {"8": {"class_type": "ToonCrafterDecode", "inputs": {"latent": ["8", 0]}}}
    assert saved_size(straight, "8") is None
