"""ComfyUI's own saving nodes write files of our models that our loader reads again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import comfy.sd
import comfy_extras.nodes_model_merging as saving
import comfy_extras.nodes_video_model as video_saving
import folder_paths
import pytest
import torch
from safetensors.torch import load_file
from tooncrafter_pack.nodes.bridge.saving import complete_file
from tooncrafter_pack.nodes.load import LoadToonCrafter

from support import model_files
from support.checkpoints import tiny_tensors
from support.host_models import (
    HostModels,
    picture,
    relative,
    run_decode,
    run_keyframes,
    run_sampler,
)
from support.refusals import assert_refused
from tooncrafter_core.checkpoints import Checkpoint, detect, read_checkpoint, save_checkpoint
from tooncrafter_core.checkpoints.keys import IGNORED_KEYS, component_of
from tooncrafter_core.checkpoints.load import check_models
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import MINI, TINY
from tooncrafter_core.errors import CheckpointError, ModelMismatchError

pytestmark = pytest.mark.at_both_ends

NO_ENCODERS: dict[str, Any] = {"text_encoder": None, "image_encoder": None}


@pytest.fixture
def folder(pack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ComfyUI saves to and loads from in a test."""
    monkeypatch.setattr(folder_paths, "get_output_directory", lambda: str(tmp_path))
    for kind in ("checkpoints", "text_encoders", "clip_vision"):
        places = ([str(tmp_path)], {".safetensors", ".ckpt"})
        monkeypatch.setitem(folder_paths.folder_names_and_paths, kind, places)
        monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    return tmp_path


def write(folder: Path, config: ModelConfig, name: str = "source.safetensors") -> str:
    save_checkpoint(made_up_checkpoint(config), folder / name, config=config)
    return name


def load(
    folder: Path, name: str, text: str = "none", image: str = "none", dtype: str = "fp32"
) -> HostModels:
    folder_paths.filename_list_cache.clear()
    loaded = LoadToonCrafter.execute(name, text, image, dtype).args
    return HostModels(detect(read_checkpoint(folder / name)), *loaded)


def newest(folder: Path, begin: str) -> str:
    (path,) = folder.glob(f"{begin}*.safetensors")
    return path.name


def read_both(folder: Path, begin: str) -> tuple[Checkpoint, Checkpoint]:
    """What was saved, and the file that the model came from."""
    names = (newest(folder, begin), "source.safetensors")
    found, source = (read_checkpoint(folder / name) for name in names)
    return found, source


def with_lora(models: HostModels) -> HostModels:
    """A LoRA on MODEL and CLIP that changes the frames."""
    names = {
        "diffusion_model.middle_block.0.in_layers.2": models.model,
        "text_encoders.clip_h.transformer.text_model.encoder.layers.0.mlp.fc1": models.clip,
    }
    lora: dict[str, torch.Tensor] = {}
    generator = torch.Generator().manual_seed(3)
    sizes = {
        key: tuple(value.shape)
        for part in (models.model.model, models.clip.cond_stage_model)
        for key, value in part.state_dict().items()
    }
    for name in names:
        shape = sizes[name.removeprefix("text_encoders.") + ".weight"]
        spread = 0.3
        lora[f"{name}.lora_up.weight"] = spread * torch.randn(
            shape[0], 2, *[1] * (len(shape) - 2), generator=generator
        )
        lora[f"{name}.lora_down.weight"] = spread * torch.randn(2, *shape[1:], generator=generator)
    model, clip = comfy.sd.load_lora_for_models(models.model, models.clip, lora, 1.0, 1.0)
    assert model.patches and clip.patcher.patches
    return replace(models, model=model, clip=clip)


def draw(models: HostModels) -> torch.Tensor:
    first, last = picture(1), picture(2)
    ready = run_keyframes(models, first, last)
    latent = run_sampler(models.model, *ready, steps=1)
    return run_decode(models, latent, first, last, second_pass=False)


@pytest.mark.parametrize("config", [TINY, MINI])
def test_a_checkpoint_with_a_lora_merged_draws_as_the_graph_did(
    folder: Path, config: ModelConfig
) -> None:
    models = load(folder, write(folder, config))
    plain = draw(models)
    merged = with_lora(models)
    expected = draw(merged)
    assert relative(expected, plain) > 0.01
    saving.CheckpointSave().save(merged.model, merged.clip, models.vae, "saved")
    again = load(folder, newest(folder, "saved"))
    assert again.config == config
    # All weights are float32: the same numbers, patched once when saved and once when drawn.
    assert relative(draw(again), expected) < 1e-3
    assert relative(again.prompt("a cat")[0][0], merged.prompt("a cat")[0][0]) < 1e-5
    if config == TINY:
        assert relative(again.prompt("a cat")[0][0], models.prompt("a cat")[0][0]) > 1e-3


def test_the_file_is_complete_and_has_only_what_belongs(folder: Path) -> None:
    models = load(folder, write(folder, MINI))
    saving.CheckpointSave().save(models.model, models.clip, models.vae, "saved")
    found, source = read_both(folder, "saved")
    check_models(found, detect(found))
    strangers = {key for key in found if component_of(key) is None} - IGNORED_KEYS
    assert not strangers
    assert set(source) <= set(found)
    for key in source:
        assert found.info[key].shape == source.info[key].shape
        assert torch.equal(found[key].float(), source[key]), key


def test_a_model_saved_alone_brings_what_its_file_had(folder: Path) -> None:
    models = with_lora(load(folder, write(folder, TINY)))
    saving.ModelSave().save(models.model, "alone")
    again = load(folder, newest(folder, "alone"))
    assert again.config == TINY
    plain = load(folder, "source.safetensors")
    assert relative(draw(again), draw(replace(plain, model=models.model))) < 1e-3


def test_a_model_of_a_pruned_file_stays_without_the_encoders(folder: Path) -> None:
    pruned = replace(TINY, **NO_ENCODERS)
    write(folder, pruned, "pruned.safetensors")
    text = model_files.save(model_files.text_in_hugging_face_layout(), folder / "t.safetensors")
    image = model_files.save(model_files.image_in_hugging_face_layout(), folder / "i.safetensors")
    models = load(folder, "pruned.safetensors", text.name, image.name)
    saving.ModelSave().save(models.model, "alone")
    assert detect(read_checkpoint(folder / newest(folder, "alone"))) == pruned
    saving.CheckpointSave().save(models.model, models.clip, models.vae, "saved")
    again = load(folder, newest(folder, "saved"), image=image.name)
    assert again.config.text_encoder is not None and again.config.image_encoder is None
    assert relative(draw(again), draw(models)) < 1e-3


@pytest.mark.parametrize("config", [TINY, MINI])
def test_an_image_encoder_that_is_given_is_saved(folder: Path, config: ModelConfig) -> None:
    models = load(folder, write(folder, config))
    with torch.no_grad():
        models.clip_vision.model.vision_model.post_layernorm.bias += 1.0
    video_saving.ImageOnlyCheckpointSave().save(
        models.model, models.clip_vision, models.vae, "images"
    )
    found, source = read_both(folder, "images")
    assert detect(found) == config
    changed = "embedder.model.visual.ln_post.bias"
    torch.testing.assert_close(found[changed], source[changed] + 1.0)
    own = [key for key in source if key.startswith("embedder.model.") and key != changed]
    assert own and not [key for key in own if not torch.equal(found[key], source[key])]


@pytest.mark.parametrize("dtype", ["bf16", "fp8_e4m3fn"])
def test_weights_kept_in_fewer_bits_are_saved_so(folder: Path, dtype: str) -> None:
    models = load(folder, write(folder, TINY), dtype=dtype)
    saving.CheckpointSave().save(models.model, models.clip, models.vae, "saved")
    again = load(folder, newest(folder, "saved"), dtype=dtype)
    key = "model.diffusion_model.middle_block.0.in_layers.2.weight"
    stored = read_checkpoint(folder / newest(folder, "saved")).info[key].dtype
    assert stored == models.model.model.get_dtype()
    found, expected = (one.model.model.diffusion_model.state_dict() for one in (again, models))
    assert all(torch.equal(found[k].float(), expected[k].float()) for k in expected)


def test_parts_of_another_model_are_refused_before_anything_is_written(folder: Path) -> None:
    models = load(folder, write(folder, TINY))
    other = load(folder, write(folder, MINI, "mini.safetensors"))
    assert_refused(
        lambda: saving.CheckpointSave().save(models.model, models.clip, other.vae, "saved"),
        "The VAE to be saved is not this ToonCrafter's", "Nothing was written",
        kind=ModelMismatchError,
    )  # fmt: skip
    (folder / "source.safetensors").unlink()
    assert_refused(
        lambda: saving.ModelSave().save(models.model, "saved"),
        "no file", "source.safetensors", kind=CheckpointError,
    )  # fmt: skip
    (folder / "mini.safetensors").rename(folder / "source.safetensors")
    assert_refused(
        lambda: saving.ModelSave().save(models.model, "saved"),
        "source.safetensors is another model", kind=CheckpointError,
    )  # fmt: skip
    assert not list(folder.glob("saved*"))


@pytest.mark.parametrize("config", [TINY, MINI])
def test_a_saved_clip_is_a_text_encoder_of_its_own(folder: Path, config: ModelConfig) -> None:
    models = with_lora(load(folder, write(folder, config)))
    saving.CLIPSave().save(models.clip, "clip")
    write(folder, replace(config, **NO_ENCODERS), "pruned.safetensors")
    again = load(folder, "pruned.safetensors", newest(folder, "clip"))
    assert relative(again.prompt("a cat")[0][0], models.prompt("a cat")[0][0]) < 1e-5


def test_a_saved_vae_alone_is_reported(folder: Path) -> None:
    models = load(folder, write(folder, TINY))
    saving.VAESave().save(models.vae, "vae")
    name = newest(folder, "vae")
    assert "decoder.conv_in.weight" in load_file(folder / name)
    assert_refused(lambda: load(folder, name), name, "is a VAE alone", "model.ckpt")


def test_a_checkpoint_that_was_pickled_is_saved_as_well(folder: Path) -> None:
    torch.save({"state_dict": tiny_tensors()}, folder / "source.ckpt")
    models = load(folder, "source.ckpt")
    saving.CheckpointSave().save(models.model, models.clip, models.vae, "saved")
    found = read_checkpoint(folder / newest(folder, "saved"))
    assert detect(found) == TINY
    assert all(torch.equal(found[key], value) for key, value in tiny_tensors().items())


class Later(torch.nn.Parameter):
    """A weight that is patched when it is moved, as ComfyUI hands them out of dynamic memory."""

    def __new__(cls, value: torch.Tensor) -> "Later":
        return super().__new__(cls, value, requires_grad=False)

    def to(self, *_: Any, **__: Any) -> torch.Tensor:
        return self.detach() + 1.0


def test_weights_that_are_patched_when_they_are_moved_are_saved_patched(folder: Path) -> None:
    models = load(folder, write(folder, TINY))
    model = models.model.model
    late = {key: Later(value) for key, value in models.clip.get_sd().items()}
    encoder = model.model_config.process_clip_state_dict_for_saving(late)
    source = read_checkpoint(folder / "source.safetensors")
    block = "cond_stage_model.model.transformer.resblocks.0."
    for key in (block + "attn.in_proj_weight", block + "mlp.c_fc.bias"):
        torch.testing.assert_close(encoder[key], source[key] + 1.0)
    # The denoiser's are left to ComfyUI, which moves them one by one as it writes.
    weight = Later(source["model.diffusion_model.out.2.bias"])
    whole = {key: source[key] for key in source if key.startswith("model.")}
    whole["model.diffusion_model.out.2.bias"] = weight
    projector = model.image_proj_model.state_dict()
    saved = complete_file(whole, projector, model.tooncrafter, model.reopen)
    assert saved["model.diffusion_model.out.2.bias"] is weight
