"""Weight files that cannot be used: one clear sentence each, and nothing left behind."""

import gc
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comfy.model_management
import folder_paths
import pytest
import torch
from tooncrafter_pack.nodes.load import LoadToonCrafter

from support import model_files
from support.checkpoints import tiny_tensors
from support.host_models import HostModels
from support.refusals import assert_refused
from tooncrafter_core.errors import UnsafeCheckpointError


@pytest.fixture
def model_file(pack: Any) -> Iterator[Callable[[str, str], Path]]:
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


def load(checkpoint: str, text_encoder: str = "none", image_encoder: str = "none") -> Any:
    return LoadToonCrafter.execute(checkpoint, text_encoder, image_encoder, "fp32")


ModelFile = Callable[[str, str], Path]


def test_text_named_safetensors_is_refused(model_file: ModelFile) -> None:
    model_file("checkpoints", "note.safetensors").write_text("these are no weights at all")
    assert_refused(lambda: load("note.safetensors"), "note.safetensors", "text", "weights")


class RunsCode:
    """Writes a file when it is unpickled carelessly."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("form", ["torch", "plain"])
def test_pickle_that_runs_code_is_refused_and_runs_nothing(
    model_file: ModelFile, tmp_path: Path, form: str
) -> None:
    marker, path = tmp_path / "ran", model_file("checkpoints", "evil.ckpt")
    if form == "torch":
        torch.save({"state_dict": {"a": RunsCode(marker)}}, path)
    else:
        path.write_bytes(pickle.dumps({"a": RunsCode(marker)}, protocol=2))
    assert_refused(
        lambda: load("evil.ckpt"),
        "evil.ckpt",
        "code",
        "Nothing was run",
        kind=UnsafeCheckpointError,
    )
    assert not marker.exists()


@pytest.mark.parametrize("kept", [0.3, 0.99])
def test_truncated_checkpoint_says_its_sizes(model_file: ModelFile, kept: float) -> None:
    path = model_files.save(tiny_tensors(), model_file("checkpoints", "cut.safetensors"))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(int(size * kept))
    words = ("cut.safetensors", "cut short", f"{int(size * kept):,}", f"{size:,}", "again")
    assert_refused(lambda: load("cut.safetensors"), *words)


def test_stable_diffusion_checkpoint_is_recognised(model_file: ModelFile) -> None:
    model_files.save(
        model_files.stable_diffusion_1(), model_file("checkpoints", "sd15.safetensors")
    )
    assert_refused(
        lambda: load("sd15.safetensors"), "sd15.safetensors", "Stable Diffusion 1", "model.ckpt"
    )


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("model.diffusion_model.middle_block.0.out_layers.3.weight", "denoiser"),
        ("image_proj_model.norm_out.bias", "image projector"),
        ("first_stage_model.decoder.norm_out.weight", "autoencoder"),
        ("cond_stage_model.model.ln_final.weight", "text encoder"),
        ("embedder.model.visual.ln_post.weight", "image encoder"),
    ],
)
def test_missing_tensor_is_named_with_its_part(model_file: ModelFile, key: str, part: str) -> None:
    tensors = tiny_tensors(with_buffers=False)
    del tensors[key]
    model_files.save(tensors, model_file("checkpoints", "gap.safetensors"))
    # ComfyUI's encoders have other names for their tensors.
    last_name = key.split(".")[-2 if "encoder" not in part else -1]
    assert_refused(lambda: load("gap.safetensors"), "gap.safetensors", part, "missing", last_name)


def test_tensor_of_the_wrong_shape_is_named_with_both_shapes(model_file: ModelFile) -> None:
    key = "model.diffusion_model.middle_block.0.out_layers.3.weight"
    tensors = {**tiny_tensors(with_buffers=False), key: torch.zeros(64, 32, 3, 3)}
    model_files.save(tensors, model_file("checkpoints", "bent.safetensors"))
    assert_refused(
        lambda: load("bent.safetensors"),
        "denoiser", "middle_block.0.out_layers.3.weight", "(64, 32, 3, 3)", "(64, 64, 3, 3)",
    )  # fmt: skip


@pytest.fixture
def pruned(model_file: ModelFile) -> str:
    """A checkpoint without encoders."""
    tensors = tiny_tensors(with_encoders=False)
    return model_files.save(tensors, model_file("checkpoints", "pruned.safetensors")).name


def test_text_encoder_file_of_another_model_names_the_right_one(
    model_file: ModelFile, pruned: str
) -> None:
    wrong = model_file("text_encoders", "clip_l.safetensors")
    model_files.save(model_files.clip_large_text(), wrong)
    assert_refused(
        lambda: load(pruned, text_encoder="clip_l.safetensors"),
        "clip_l.safetensors", "ViT-L", "768", "Stable Diffusion 2.1",
    )  # fmt: skip


@pytest.mark.parametrize(("width", "name"), [(1024, "ViT-L"), (1664, "ViT-bigG")])
def test_image_encoder_file_of_another_model_names_the_right_one(
    model_file: ModelFile, pruned: str, width: int, name: str
) -> None:
    wrong = model_file("clip_vision", "vision.safetensors")
    model_files.save(model_files.clip_image(width), wrong)
    assert_refused(
        lambda: load(pruned, image_encoder="vision.safetensors"),
        "vision.safetensors", name, f"{width}", "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
    )  # fmt: skip


def test_checkpoint_in_the_place_of_an_encoder_is_refused(
    model_file: ModelFile, pruned: str
) -> None:
    tensors = tiny_tensors(with_encoders=False)
    model_files.save(tensors, model_file("text_encoders", "mistake.safetensors"))
    model_files.save(tensors, model_file("clip_vision", "mistake.safetensors"))
    assert_refused(lambda: load(pruned, "mistake.safetensors"), "mistake", "no CLIP text encoder")
    assert_refused(
        lambda: load(pruned, image_encoder="mistake.safetensors"),
        "mistake",
        "no CLIP image encoder",
    )


@pytest.mark.parametrize(
    "outside", ["../secret.safetensors", "../../secret.safetensors", "absolute"]
)
def test_path_outside_the_model_folders_is_refused(
    model_file: ModelFile, tmp_path: Path, outside: str
) -> None:
    model_files.save(tiny_tensors(), tmp_path / "secret.safetensors")
    for steps in ("..", "../.."):
        model_files.save(tiny_tensors(), model_file("checkpoints", f"{steps}/secret.safetensors"))
    name = str(tmp_path / "secret.safetensors") if outside == "absolute" else outside
    assert_refused(lambda: load(name), "model folders", "checkpoints")


def count_loaded() -> int:
    """Models that ComfyUI's memory manager holds and that somebody still uses."""
    gc.collect()
    held = comfy.model_management.current_loaded_models
    return sum(one.model is not None for one in held)


def test_refused_checkpoint_leaves_no_model_loaded_and_no_file_behind(
    model_file: ModelFile, tiny: HostModels
) -> None:
    tensors = tiny_tensors(with_buffers=False)
    del tensors["first_stage_model.decoder.norm_out.weight"]
    path = model_files.save(tensors, model_file("checkpoints", "gap.safetensors"))
    loaded = count_loaded()
    files = sorted(path.parent.iterdir())
    assert_refused(lambda: load("gap.safetensors"), "autoencoder")
    assert count_loaded() <= loaded
    assert sorted(path.parent.iterdir()) == files
    path.unlink()  # which another system than Linux would refuse while the file is mapped
