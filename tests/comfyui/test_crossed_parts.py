"""Parts that do not belong together, and clips that lost something on their way.

The nodes are called as ComfyUI calls them, in the test process.
"""

import importlib
from typing import Any

import pytest
import torch
from tooncrafter_pack.nodes.bridge.clips.request import ClipIndex, request_of
from torch import Tensor

import nodes as host_nodes
from support.checkpoints import tiny_tensors
from support.host_models import (
    HostModels,
    build_models,
    filled,
    mini_models,
    picture,
    relative,
    run_decode,
    run_keyframes,
    run_sampler,
)
from support.refusals import assert_refused
from tooncrafter_core.config.presets import TINY

Pair = tuple[Tensor, Tensor]


def latent_batch(one: Any, two: Any) -> Any:
    """ComfyUI's Latent Batch, whichever way this ComfyUI writes its nodes."""
    # Not at the top, and after this one, with which it imports in a circle.
    importlib.import_module("comfy_extras.nodes_post_processing")
    kind = importlib.import_module("comfy_extras.nodes_latent").LatentBatch
    if hasattr(kind, "define_schema"):
        return kind.execute(one, two).args[0]
    return getattr(kind(), kind.FUNCTION)(one, two)[0]


@pytest.fixture(scope="module")
def other() -> HostModels:
    """The same sizes as the tiny model, and other weights."""
    generator = torch.Generator().manual_seed(1)
    tensors = {
        key: 0.1 * torch.randn(value.shape, generator=generator)
        if value.is_floating_point() and value.ndim
        else value
        for key, value in tiny_tensors(with_buffers=False).items()
    }
    return build_models(tensors, TINY)


@pytest.fixture(scope="module")
def mini(pack: Any) -> HostModels:
    return mini_models()


# MODEL, VAE and conditioning of different checkpoints


@pytest.mark.parametrize("sampler", ["ours", "stock"])
def test_model_of_another_checkpoint_is_named_before_the_first_step(
    tiny: HostModels, mini: HostModels, keyframes: Pair, sampler: str
) -> None:
    ready = run_keyframes(mini, *keyframes)

    def sample() -> Any:
        if sampler == "ours":
            return run_sampler(tiny.model, *ready)
        return host_nodes.common_ksampler(
            tiny.model, 5, 2, 1.0, "euler", "normal", *ready[:2], ready[2]
        )

    assert_refused(sample, "MODEL", "the checkpoint", "mini", "same 'Load ToonCrafter'")


def test_model_of_the_same_sizes_and_other_weights_is_named_too(
    tiny: HostModels, other: HostModels, keyframes: Pair
) -> None:
    ready = run_keyframes(other, *keyframes)
    assert_refused(lambda: run_sampler(tiny.model, *ready), "MODEL", "another file named")


def test_vae_of_another_checkpoint_is_named_by_decode(
    tiny: HostModels, other: HostModels, mini: HostModels, keyframes: Pair
) -> None:
    latent = filled(run_keyframes(tiny, *keyframes)[2])
    for stranger in (other, mini):
        assert_refused(lambda s=stranger: run_decode(s, latent), "VAE", "Load ToonCrafter")


def test_the_same_weights_in_another_precision_belong_together(
    tiny: HostModels, keyframes: Pair
) -> None:
    tensors = {
        key: value.half() if value.is_floating_point() else value
        for key, value in tiny_tensors(with_buffers=False).items()
    }
    halved = build_models(tensors, TINY)
    ready = run_keyframes(halved, *keyframes)
    latent = run_sampler(tiny.model, *ready, steps=1)
    assert run_decode(halved, latent).isfinite().all()


@pytest.mark.parametrize("which", ["positive", "negative", "latent"])
def test_sampler_refuses_parts_of_two_keyframes_nodes(
    tiny: HostModels, keyframes: Pair, which: str
) -> None:
    names = ("positive", "negative", "latent")
    one = run_keyframes(tiny, *keyframes)
    two = run_keyframes(tiny, *reversed(keyframes))
    mixed = [two[i] if name == which else one[i] for i, name in enumerate(names)]
    assert_refused(lambda: run_sampler(tiny.model, *mixed), "different", "Keyframes", "same node")


def test_two_nodes_with_the_same_drawings_are_one_clip(tiny: HostModels, keyframes: Pair) -> None:
    one, two = (run_keyframes(tiny, *keyframes, seed=seed) for seed in (1, 2))
    run_sampler(tiny.model, one[0], two[1], two[2], steps=1)


# Drawings are wired once


@pytest.mark.parametrize("second_pass", [True, False])
@pytest.mark.parametrize("fit", ["crop", "pad", "official"])
def test_decode_knows_the_drawings_and_the_size(
    tiny: HostModels, fit: str, second_pass: bool
) -> None:
    pair = picture(1, 70, 90), picture(2, 133, 40)
    ready = run_keyframes(tiny, *pair, width=104, height=72, fit=fit, frames=5)
    latent = run_sampler(tiny.model, *ready, steps=1)
    wired_once = run_decode(tiny, latent, second_pass=second_pass)
    assert wired_once.shape == (5, 72, 104, 3)
    # As workflows from before it was known have it.
    assert torch.equal(run_decode(tiny, latent, *pair, second_pass=second_pass), wired_once)


def test_swapped_drawings_on_decode_are_named(tiny: HostModels, keyframes: Pair) -> None:
    latent = filled(run_keyframes(tiny, *keyframes)[2])
    first, last = keyframes
    assert_refused(lambda: run_decode(tiny, latent, last, first), "first_image", "swapped")
    # One of them at both ends.
    assert_refused(lambda: run_decode(tiny, latent, last, last), "first_image", "swapped")
    assert_refused(lambda: run_decode(tiny, latent, first, first), "last_image", "swapped")


def test_drawings_that_hardly_differ_are_distinguished(tiny: HostModels, keyframes: Pair) -> None:
    first, last = keyframes[0], keyframes[0].clone()
    last[:, 30:34, 30:34] = 1.0 - last[:, 30:34, 30:34]
    latent = filled(run_keyframes(tiny, first, last)[2])
    assert_refused(lambda: run_decode(tiny, latent, last, first), "first_image", "swapped")
    assert run_decode(tiny, latent, first, last).isfinite().all()


def test_other_drawings_on_decode_are_named(tiny: HostModels, keyframes: Pair) -> None:
    latent = filled(run_keyframes(tiny, *keyframes)[2])
    strange = torch.zeros(1, 64, 64, 3)
    assert_refused(
        lambda: run_decode(tiny, latent, keyframes[0], strange),
        "last_image",
        "not the last drawing",
    )


def test_a_drawing_in_another_size_is_the_same_drawing(tiny: HostModels) -> None:
    first, last = picture(1, 128, 128), picture(2, 128, 128)
    latent = filled(run_keyframes(tiny, first, last)[2])
    smaller = [
        torch.nn.functional.interpolate(one.movedim(-1, 1), scale_factor=0.5).movedim(1, -1)
        for one in (first, last)
    ]
    assert run_decode(tiny, latent, *smaller).isfinite().all()


# Joined and repeated clips


def test_clips_of_different_drawings_that_are_joined_are_refused(
    tiny: HostModels, keyframes: Pair
) -> None:
    one, two = run_keyframes(tiny, *keyframes), run_keyframes(tiny, *reversed(keyframes))
    joined = latent_batch(one[2], two[2])
    assert joined["samples"].shape[0] == 2
    assert_refused(lambda: run_sampler(tiny.model, *one[:2], joined), "Latent Batch", "on its own")
    assert_refused(lambda: run_decode(tiny, filled(joined)), "Latent Batch", "on its own")
    # The second alone is the second.
    alone = host_nodes.LatentFromBatch().frombatch(joined, 1, 1)[0]
    assert_refused(lambda: run_decode(tiny, filled(alone), *keyframes), "Latent Batch")


def test_the_same_clip_repeated_or_joined_to_itself_is_drawn(
    tiny: HostModels, keyframes: Pair
) -> None:
    ready = run_keyframes(tiny, *keyframes)
    (twice,) = host_nodes.RepeatLatentBatch().repeat(ready[2], 2)
    assert [int(index) for index in twice["batch_index"]] == [0, 1]
    assert all(isinstance(index, ClipIndex) for index in twice["batch_index"])
    drawn = run_sampler(tiny.model, *ready[:2], twice, steps=1)
    assert run_decode(tiny, drawn).shape == (8, 64, 64, 3)
    joined = latent_batch(drawn, run_sampler(tiny.model, *ready, steps=1))
    assert run_decode(tiny, joined).shape == (12, 64, 64, 3)


def test_clips_joined_over_time_are_refused(tiny: HostModels, keyframes: Pair) -> None:
    latent = filled(run_keyframes(tiny, *keyframes)[2])
    longer = {**latent, "samples": torch.cat([latent["samples"]] * 2, dim=2)}
    assert_refused(lambda: run_decode(tiny, longer), "8 frames", "asked for 4", "on its own")


def test_the_place_in_a_batch_changes_no_noise_of_stock_samplers(
    tiny: HostModels, keyframes: Pair
) -> None:
    ready = run_keyframes(tiny, *keyframes)
    plain = {key: value for key, value in ready[2].items() if key != "batch_index"}
    drawn = [
        host_nodes.common_ksampler(tiny.model, 5, 2, 1.0, "euler", "normal", *ready[:2], clip)[0]
        for clip in (ready[2], plain)
    ]
    assert torch.equal(drawn[0]["samples"], drawn[1]["samples"])
    assert request_of(drawn[0]) is request_of(ready[2])


# Clips that lost what they were asked for


def test_the_clip_of_a_bypassed_sampler_is_named(tiny: HostModels, keyframes: Pair) -> None:
    latent = run_keyframes(tiny, *keyframes)[2]
    assert_refused(lambda: run_decode(tiny, latent), "empty clip", "bypass")
    assert_refused(lambda: run_decode(tiny, {"samples": latent["samples"]}, *keyframes), "empty")


def test_a_clip_without_its_request_asks_for_drawings_and_size(
    tiny: HostModels, caplog: pytest.LogCaptureFixture
) -> None:
    pair = picture(1, 70, 90), picture(2, 70, 90)
    ready = run_keyframes(tiny, *pair, width=104, height=72)
    whole = run_sampler(tiny.model, *ready, steps=1)
    lost = {"samples": whole["samples"]}
    assert_refused(lambda: run_decode(tiny, lost), "does not know its drawings", "first_image")
    assert_refused(lambda: run_decode(tiny, lost, pair[0]), "does not know its drawings")
    assert run_decode(tiny, lost, *pair).shape == (4, 128, 128, 3)
    assert "does not say which size" in caplog.text and "width and height" in caplog.text
    found = run_decode(tiny, lost, *pair, width=104, height=72)
    assert relative(found, run_decode(tiny, whole)) < 1e-4
    assert_refused(lambda: run_decode(tiny, lost, *pair, width=256, height=72), "256x128")


def test_values_that_are_not_numbers_are_named_before_decoding(
    tiny: HostModels, keyframes: Pair
) -> None:
    latent = filled(run_keyframes(tiny, *keyframes)[2])
    latent["samples"][0, 0, 1, 2, 3] = float("nan")
    assert_refused(lambda: run_decode(tiny, latent), "not numbers", "sampling failed")
