"""What people connect by mistake: one clear sentence each, or the picture they meant.

The nodes are called as ComfyUI calls them, in the test process. Weight files are in
`test_bad_files.py`; what a running server answers is in `test_bad_requests.py`.
"""

from typing import Any

import comfy.model_management
import comfy.model_sampling
import comfy.sd
import pytest
import torch
from comfy.ldm.models.autoencoder import AutoencoderKL
from torch import Tensor

from support.host_models import HostModels, filled, picture, run_decode, run_keyframes, run_sampler
from support.refusals import assert_clear, assert_refused

Ready = tuple[Any, Any, dict[str, Any]]


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
        "1 to 1000", f"{steps}", kind=ValueError,
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
    latent = filled(ready[2])
    with pytest.raises(failure) as caught:
        run_decode(tiny, latent)
    assert_clear(str(caught.value), "memory", "frames", "width")
    monkeypatch.undo()
    assert torch.isfinite(run_decode(tiny, latent)).all()
