"""What people give by mistake: one clear sentence each, and nothing left behind.

The nodes are called as ComfyUI calls them, in the test process; what ComfyUI itself refuses before
a node runs is asked of a running server.
"""

import gc
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_sampling
import comfy.sd
import folder_paths
import numpy as np
import pytest
import torch
from comfy.ldm.models.autoencoder import AutoencoderKL
from tooncrafter_pack.nodes.load import LoadToonCrafter
from torch import Tensor

from comfyui.host import Host
from support import model_files
from support.checkpoints import tiny_tensors
from support.host_models import HostModels, picture, run_decode, run_keyframes, run_sampler
from support.host_prompts import (
    DECODE,
    FIRST,
    KEYFRAMES,
    LAST,
    LOAD,
    SAMPLER,
    SAVE,
    interpolation,
    node,
)  # fmt: skip
from tooncrafter_core.errors import ToonCrafterError, UnsafeCheckpointError

Ready = tuple[Any, Any, dict[str, Any]]


def assert_refused(
    action: Callable[[], Any], *words: str, kind: type[Exception] = ToonCrafterError
) -> None:
    """The action fails with one short line that says all of these words."""
    with pytest.raises(kind) as caught:
        action()
    assert_clear(str(caught.value), *words)


def assert_clear(message: str, *words: str) -> None:
    assert "\n" not in message.strip()
    assert 40 < len(message) < 420
    assert message.strip().endswith((".", ")"))
    missing = [word for word in words if word.lower() not in message.lower()]
    assert not missing, f"{missing} not in: {message}"


# Pictures


@pytest.mark.parametrize("count", [0, 2, 3])
@pytest.mark.parametrize("which", ["first", "last"])
def test_other_than_one_picture_is_refused(tiny: HostModels, count: int, which: str) -> None:
    batch, one = torch.zeros(count, 64, 64, 3), picture(1)
    pair = (batch, one) if which == "first" else (one, batch)
    words = (f"{which} keyframe", "1 picture", f"{count}")
    assert_refused(lambda: run_keyframes(tiny, *pair), *words)
    latent = {"samples": torch.zeros(1, 4, 4, 8, 8)}
    assert_refused(lambda: run_decode(tiny, latent, *pair), *words)


def drawn(models: HostModels, first: Tensor, last: Tensor, **options: Any) -> Tensor:
    """The whole way from two pictures to frames, in one step."""
    ready = run_keyframes(models, first, last, **options)
    frames = run_decode(models, run_sampler(models.model, *ready, steps=1), first, last)
    assert torch.isfinite(frames).all()
    return frames


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch", "official"])
@pytest.mark.parametrize("size", [(64, 64), (104, 72), (40, 200)])
def test_pictures_of_different_sizes_give_the_size_asked_for(
    tiny: HostModels, fit: str, size: tuple[int, int]
) -> None:
    width, height = size
    first, last = picture(1, 70, 90), picture(2, 133, 40)
    frames = drawn(tiny, first, last, width=width, height=height, fit=fit, frames=2)
    assert frames.shape == (2, height, width, 3)


def test_pictures_of_one_pixel_are_drawn(tiny: HostModels) -> None:
    frames = drawn(tiny, torch.full((1, 1, 1, 3), 0.2), torch.full((1, 1, 1, 3), 0.9))
    assert frames.shape == (4, 64, 64, 3)


def test_transparency_is_laid_over_white(tiny: HostModels) -> None:
    colour, alpha = picture(1), picture(3, channels=1)
    first = torch.cat([colour, alpha], dim=-1)
    found = drawn(tiny, first, picture(2))
    expected = drawn(tiny, colour * alpha + (1 - alpha), picture(2))
    assert torch.allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("with_channel", [True, False])
def test_grey_pictures_are_three_equal_channels(tiny: HostModels, with_channel: bool) -> None:
    grey = picture(1, channels=1)
    found = drawn(tiny, grey if with_channel else grey[..., 0], picture(2))
    expected = drawn(tiny, grey.expand(-1, -1, -1, 3), picture(2))
    assert torch.allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_pixels_that_are_no_numbers_are_refused_with_their_place(
    tiny: HostModels, value: float
) -> None:
    broken = picture(1).clone()
    broken[0, 10:12, 20:30] = value
    words = ("keyframe has 20 pixels", "not numbers", "rows 10 to 11", "columns 20 to 29")
    assert_refused(lambda: run_keyframes(tiny, broken, picture(2)), "first", *words)
    assert_refused(lambda: run_keyframes(tiny, picture(2), broken), "last", *words)


def test_pixels_of_another_range_are_refused(tiny: HostModels) -> None:
    assert_refused(lambda: run_keyframes(tiny, picture(1) * 255, picture(2)), "first", "values")


def test_video_as_keyframe_is_refused(tiny: HostModels) -> None:
    clip = torch.zeros(1, 1, 64, 64, 3)
    assert_refused(lambda: run_keyframes(tiny, clip, picture(2)), "4 axes", "5")


# Prompts, frames, steps


@pytest.mark.parametrize("prompt", ["", "rain " * 400], ids=["empty", "400_words"])
def test_prompts_of_any_length_are_drawn(tiny: HostModels, prompt: str) -> None:
    positive = tiny.prompt(prompt)
    frames = drawn(tiny, picture(1), picture(2), positive=positive, frames=2)
    assert frames.shape[0] == 2


def test_forty_eight_frames_are_drawn(tiny: HostModels) -> None:
    assert drawn(tiny, picture(1), picture(2), frames=48).shape == (48, 64, 64, 3)


@pytest.mark.parametrize("frames", [1, 0, -3])
def test_clip_of_fewer_than_two_frames_is_refused_before_anything_is_computed(
    tiny: HostModels, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    monkeypatch.setattr(tiny.vae, "encode_keyframes", None)
    assert_refused(
        lambda: run_keyframes(tiny, picture(1), picture(2), frames=frames),
        f"{frames}",
        "2",
        "frames",
    )


@pytest.mark.parametrize("steps", [0, 1001])
def test_numbers_of_steps_that_cannot_be_are_refused(
    tiny: HostModels, ready: Ready, steps: int
) -> None:
    assert_refused(
        lambda: run_sampler(tiny.model, *ready, steps=steps),
        "1 to 1000 steps", f"{steps}", kind=ValueError,
    )  # fmt: skip


# Parts of other models


def test_prompt_of_another_text_encoder_names_both(tiny: HostModels, ready: Ready) -> None:
    _, negative, latent = ready
    positive = [[torch.zeros(1, 77, 768), dict(ready[0][0][1])]]
    assert_refused(
        lambda: run_sampler(tiny.model, positive, negative, latent),
        "CLIP-L", "768", "needs 64", "Load ToonCrafter",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("width", "name"), [(1024, "ViT-L"), (1664, "ViT-bigG"), (1152, "another")]
)
def test_keyframe_of_another_image_encoder_names_both(
    tiny: HostModels, ready: Ready, width: int, name: str
) -> None:
    text, values = ready[0][0]
    features = torch.zeros(1, 257, width)
    positive = [[text, {**values, "tooncrafter_image_features": features}]]
    assert_refused(
        lambda: run_sampler(tiny.model, positive, *ready[1:]),
        name, f"{width}", "needs 64", "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
    )  # fmt: skip


def test_missing_image_encoder_says_where_to_choose_it(tiny: HostModels) -> None:
    without = HostModels(tiny.config, tiny.model, tiny.clip, None, tiny.vae)
    assert_refused(
        lambda: run_keyframes(without, picture(1), picture(2)), "image encoder", "Load ToonCrafter"
    )


def test_prompts_without_keyframes_say_which_node_is_missing(
    tiny: HostModels, ready: Ready
) -> None:
    plain = tiny.prompt("a dog")
    assert_refused(
        lambda: run_sampler(tiny.model, plain, ready[1], ready[2]), "ToonCrafter Keyframes"
    )


@pytest.fixture(scope="module")
def stock_vae() -> Any:
    """An ordinary image VAE of ComfyUI."""
    toy = {
        "double_z": True, "z_channels": 4, "resolution": 8, "in_channels": 3, "out_ch": 3, "ch": 32,
        "ch_mult": [1], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0,
    }  # fmt: skip
    weights = AutoencoderKL(ddconfig=toy, embed_dim=4).state_dict()
    return comfy.sd.VAE(sd=weights, config={"params": {"ddconfig": toy, "embed_dim": 4}})


def test_vae_of_another_model_is_refused(tiny: HostModels, stock_vae: Any) -> None:
    other = HostModels(tiny.config, tiny.model, tiny.clip, tiny.clip_vision, stock_vae)
    words = ("VAE", "another model", "Load ToonCrafter")
    assert_refused(lambda: run_keyframes(other, picture(1), picture(2)), *words)
    latent = {"samples": torch.zeros(1, 4, 4, 8, 8)}
    assert_refused(lambda: run_decode(other, latent, picture(1), picture(2)), *words)


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (1, 16, 4, 8, 8), (4, 8, 8), (1, 4, 1, 8, 8)])
def test_latent_of_another_shape_is_refused_by_decode(
    tiny: HostModels, shape: tuple[int, ...]
) -> None:
    latent = {"samples": torch.zeros(shape)}
    assert_refused(
        lambda: run_decode(tiny, latent, picture(1), picture(2)),
        "LATENT", str(shape), "ToonCrafter Keyframes",
    )  # fmt: skip


def test_latent_that_was_resized_is_refused_by_decode(tiny: HostModels, ready: Ready) -> None:
    resized = {**ready[2], "samples": torch.zeros(1, 4, 4, 16, 16)}
    assert_refused(
        lambda: run_decode(tiny, resized, picture(1), picture(2)), "128x128", "64x64", "LATENT"
    )


@pytest.mark.parametrize(
    ("shape", "fill"),
    [
        ((1, 4, 8, 8), 0.0),
        ((1, 4, 8, 8), 1.0),
        ((1, 16, 4, 8, 8), 1.0),  # empty, ComfyUI would give it the model's channels
        ((1, 4, 1, 8, 8), 0.0),
        ((1, 4, 4, 16, 8), 0.0),
        ((1, 4, 4, 16, 8), 1.0),
    ],
)
def test_latent_of_another_shape_is_refused_by_the_sampler(
    tiny: HostModels, ready: Ready, shape: tuple[int, ...], fill: float
) -> None:
    latent = {"samples": torch.full(shape, fill)}
    assert_refused(
        lambda: run_sampler(tiny.model, ready[0], ready[1], latent),
        "LATENT",
        "ToonCrafter Keyframes",
    )


def test_model_with_another_schedule_is_refused(tiny: HostModels, ready: Ready) -> None:
    other = tiny.model.clone()
    other.add_object_patch("model_sampling", comfy.model_sampling.ModelSamplingDiscrete())
    assert_refused(
        lambda: run_sampler(other, *ready),
        "ModelSamplingDiscrete", "Load ToonCrafter", kind=ValueError,
    )  # fmt: skip


# Memory


def test_memory_that_does_not_suffice_for_one_frame_says_what_to_lower(
    tiny: HostModels, ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = comfy.model_management.OOM_EXCEPTION

    def always(*_: Any) -> Tensor:
        raise failure("simulated: tried to allocate 20 GiB")

    monkeypatch.setattr(tiny.vae.first_stage_model.network, "decode", always)
    latent = ready[2]
    with pytest.raises(failure) as caught:
        run_decode(tiny, latent, picture(1), picture(2))
    assert_clear(str(caught.value), "memory", "frames", "width")
    monkeypatch.undo()
    assert torch.isfinite(run_decode(tiny, latent, picture(1), picture(2))).all()


# Weight files


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
def test_truncated_checkpoint_tells_its_sizes(model_file: ModelFile, kept: float) -> None:
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


# Over HTTP


@pytest.mark.parametrize(
    ("which", "name", "value", "kind"),
    [
        (KEYFRAMES, "frames", 1, "value_smaller_than_min"),
        (KEYFRAMES, "width", 8, "value_smaller_than_min"),
        (SAMPLER, "steps", 0, "value_smaller_than_min"),
        (SAMPLER, "eta", 1.5, "value_bigger_than_max"),
    ],
)
def test_server_refuses_values_out_of_range_before_anything_runs(
    stocked: Host, images: tuple[str, str], which: str, name: str, value: Any, kind: str
) -> None:
    prompt = interpolation(*images)
    prompt[which]["inputs"][name] = value
    result = stocked.run(prompt)
    assert result.status == "invalid"
    assert result.validation is not None
    (error,) = result.validation["node_errors"][which]["errors"]
    assert error["type"] == kind
    assert name in error["details"]


@pytest.mark.parametrize(
    ("which", "name", "value", "words"),
    [
        (LOAD, "checkpoint", "../../x.safetensors", ["model folders", "checkpoints"]),
        (LOAD, "weight_dtype", "int3", ["weight_dtype", "fp16", "int3"]),
        (KEYFRAMES, "fit", "squeeze", ["crop, pad, stretch, official", "squeeze"]),
    ],
)
def test_server_or_node_refuses_choices_that_are_not_offered(
    stocked: Host, images: tuple[str, str], which: str, name: str, value: str, words: list[str]
) -> None:
    """Some versions of ComfyUI compare a choice with the list, others leave it to the node."""
    prompt = interpolation(*images)
    prompt[which]["inputs"][name] = value
    result = stocked.run(prompt)
    if result.status == "invalid":
        assert result.validation is not None
        (error,) = result.validation["node_errors"][which]["errors"]
        assert error["type"] == "value_not_in_list"
    else:
        assert result.status == "error" and result.error is not None
        assert_clear(result.error["exception_message"], *words)


def test_server_refuses_a_graph_with_one_picture(stocked: Host, images: tuple[str, str]) -> None:
    prompt = interpolation(*images)
    for which in (KEYFRAMES, DECODE):
        del prompt[which]["inputs"]["last_image"]
    del prompt[LAST]
    result = stocked.run(prompt)
    assert result.status == "invalid"
    assert "last_image" in str(result.validation)


def test_failed_run_tells_our_sentence_and_the_next_run_is_clean(
    stocked: Host, images: tuple[str, str]
) -> None:
    good = interpolation(*images)
    before = stocked.run(good)
    three = interpolation(*images, keyframes={"first_image": ["20", 0]})
    three["20"] = node("ImageBatch", image1=["21", 0], image2=[LAST, 0])
    three["21"] = node("ImageBatch", image1=[FIRST, 0], image2=[LAST, 0])
    temporary = set((stocked.base / "temp").rglob("*"))
    failed = stocked.run(three)
    assert failed.status == "error"
    assert failed.error is not None
    assert failed.error["node_type"] == "ToonCrafterKeyframes"
    assert_clear(failed.error["exception_message"], "first keyframe", "1 picture", "3")
    assert set((stocked.base / "temp").rglob("*")) == temporary

    after = stocked.run(good)
    assert after.status == before.status == "success"
    old, new = (
        np.stack([stocked.download(record) for record in result.images(SAVE)])
        for result in (before, after)
    )
    assert np.array_equal(old, new)
