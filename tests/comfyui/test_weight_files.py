"""Weight files that other programs have rewritten, through the loader's node."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import folder_paths
import pytest
import torch
from safetensors.torch import load_file
from tooncrafter_pack.nodes.load import LoadToonCrafter

from support import model_files
from support.checkpoints import tiny_tensors
from support.host_models import HostModels, picture, run_decode, run_keyframes, run_sampler
from support.scaled import scaled_fp8
from tooncrafter_core.checkpoints import detect, read_checkpoint
from tooncrafter_core.config.embedded import MINI, embedded_file

ModelFile = Callable[[str, str], Path]


@pytest.fixture
def model_file(pack: Any) -> Iterator[ModelFile]:
    """Gives a path in one of ComfyUI's model folders; what is there goes away after the test."""
    given: list[Path] = []

    def give(kind: str, name: str) -> Path:
        path = Path(folder_paths.get_folder_paths(kind)[0]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        given.append(path)
        return path

    yield give
    for path in given:
        path.unlink(missing_ok=True)


def load(path: Path, text_encoder: str = "none", image_encoder: str = "none") -> HostModels:
    loaded = LoadToonCrafter.execute(path.name, text_encoder, image_encoder, "fp32").args
    return HostModels(detect(read_checkpoint(path)), *loaded)


def draw(models: HostModels) -> torch.Tensor:
    first, last = picture(1), picture(2)
    latent = run_sampler(models.model, *run_keyframes(models, first, last), steps=1)
    return run_decode(models, latent, first, last, second_pass=False)


def test_a_file_without_its_metadata_draws_the_same(model_file: ModelFile) -> None:
    own = embedded_file(MINI)
    assert own is not None
    path = model_files.save(load_file(own), model_file("checkpoints", "lost.safetensors"))
    expected = HostModels(
        detect(read_checkpoint(own)), *LoadToonCrafter.execute(MINI, "none", "none", "fp32").args
    )
    assert torch.equal(draw(load(path)), draw(expected))


def test_a_scaled_file_draws_as_the_numbers_it_stands_for(model_file: ModelFile) -> None:
    kept = scaled_fp8(tiny_tensors(with_buffers=False), by_channel=True)
    path = model_files.save(kept, model_file("checkpoints", "scaled.safetensors"))
    plain = {key: value.float() for key, value in read_checkpoint(path).items()}
    expected = load(model_files.save(plain, model_file("checkpoints", "plain.safetensors")))
    found = draw(load(path))
    # Encoders that do not come in float32 are kept in what ComfyUI chooses for them.
    assert (found - draw(expected)).abs().mean() < 0.02
    assert 0 < (found - draw(load_unscaled(model_file))).abs().mean() < 0.2


def load_unscaled(model_file: ModelFile) -> HostModels:
    return load(
        model_files.save(
            tiny_tensors(with_buffers=False), model_file("checkpoints", "whole.safetensors")
        )
    )


def test_scaled_encoder_files_are_read(model_file: ModelFile) -> None:
    pruned = model_file("checkpoints", "pruned.safetensors")
    model_files.save(tiny_tensors(with_encoders=False), pruned)
    text = scaled_fp8(model_files.text_in_hugging_face_layout())
    image = scaled_fp8(model_files.image_in_hugging_face_layout(), newer=True)
    names = (
        model_files.save(text, model_file("text_encoders", "text8.safetensors")).name,
        model_files.save(image, model_file("clip_vision", "image8.safetensors")).name,
    )
    models = load(pruned, *names)
    tokens = models.prompt("a boy jumps")[0][0]
    expected = load_unscaled(model_file).prompt("a boy jumps")[0][0]
    assert 0 < (tokens - expected).abs().max() < 0.3 * expected.std()
