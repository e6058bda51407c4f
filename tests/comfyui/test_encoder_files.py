"""Text and image encoders from files of their own, whatever stands before their keys."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tooncrafter_pack.nodes.bridge.encoders.image import encode_image, load_image_encoder_file
from tooncrafter_pack.nodes.bridge.encoders.text import load_text_encoder_file
from torch import Tensor

from support import model_files
from support.checkpoints import tiny_tensors
from support.host_models import HostModels
from tooncrafter_core.config.presets import TINY

Tensors = dict[str, Tensor]
Layout = Callable[[], Tensors]

TEXT_LAYOUTS: dict[str, Layout] = {
    "huggingface": model_files.text_in_hugging_face_layout,
    "open_clip": lambda: model_files.open_clip_tensors(model_files.TEXT_PREFIX),
}
IMAGE_LAYOUTS: dict[str, Layout] = {
    "huggingface": model_files.image_in_hugging_face_layout,
    "open_clip": lambda: model_files.open_clip_tensors(model_files.IMAGE_PREFIX),
}
PREFIXES = ["", "clip.", "a.longer.prefix."]


def prefixed(tensors: Tensors, prefix: str) -> Tensors:
    return {prefix + key: value for key, value in tensors.items()}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("layout", TEXT_LAYOUTS)
def test_text_encoder_file_gives_the_checkpoints_tokens(
    tiny: HostModels, tmp_path: Path, layout: str, prefix: str
) -> None:
    path = model_files.save(prefixed(TEXT_LAYOUTS[layout](), prefix), tmp_path / "t.safetensors")
    clip = load_text_encoder_file(path, TINY)
    found = clip.encode_from_tokens_scheduled(clip.tokenize("a boy jumps"))
    assert torch.equal(found[0][0], tiny.prompt("a boy jumps")[0][0])


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("layout", IMAGE_LAYOUTS)
def test_image_encoder_file_gives_the_checkpoints_tokens(
    tiny: HostModels, tmp_path: Path, layout: str, prefix: str
) -> None:
    path = model_files.save(prefixed(IMAGE_LAYOUTS[layout](), prefix), tmp_path / "i.safetensors")
    picture = torch.linspace(-1, 1, 3 * 40 * 40).reshape(1, 3, 40, 40)
    found = encode_image(load_image_encoder_file(path, TINY), picture)
    assert torch.equal(found, encode_image(tiny.clip_vision, picture))


def test_a_complete_checkpoint_lends_its_encoders(tiny: HostModels, tmp_path: Path) -> None:
    path = model_files.save(tiny_tensors(), tmp_path / "whole.safetensors")
    clip = load_text_encoder_file(path, TINY)
    found = clip.encode_from_tokens_scheduled(clip.tokenize("a boy jumps"))
    assert torch.equal(found[0][0], tiny.prompt("a boy jumps")[0][0])
    picture = torch.zeros(1, 3, 40, 40)
    found = encode_image(load_image_encoder_file(path, TINY), picture)
    assert torch.equal(found, encode_image(tiny.clip_vision, picture))
