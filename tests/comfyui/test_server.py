"""The pack in a running ComfyUI, over HTTP and websocket, with tiny made-up weights."""

import inspect
import time
from typing import Any

import numpy as np
import pytest
import torch
from comfy_api.latest import io

from comfyui.host import Host, RunResult
from support import host_prompts, model_files
from support.host_prompts import interpolation
from tooncrafter_core.checkpoints import read_checkpoint
from tooncrafter_core.checkpoints.load import build_models
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes

Images = tuple[str, str]


def frames_of(host: Host, result: RunResult) -> np.ndarray:
    """The saved frames of a run, t h w c in [0, 1]."""
    assert result.status == "success", (result.error, result.validation)
    records = sorted(result.images(host_prompts.SAVE), key=lambda record: record["filename"])
    return np.stack([host.download(record) for record in records])


# What the server says of the nodes


def test_every_input_of_every_node_is_explained(host: Host, pack_nodes: dict[str, Any]) -> None:
    info = host.object_info()
    assert len(pack_nodes) >= 7
    unexplained = [
        f"{node_id}.{name}"
        for node_id in pack_nodes
        for group in ("required", "optional")
        for name, spec in info[node_id]["input"].get(group, {}).items()
        if len(spec) < 2 or len(spec[1].get("tooltip", "").split()) < 3
    ]
    assert not unexplained
    for node_id in pack_nodes:
        assert node_id.startswith("ToonCrafter")
        assert info[node_id]["category"].startswith("ToonCrafter")
        assert len(info[node_id]["description"].split()) > 5
        assert info[node_id]["display_name"]


def test_every_output_of_every_node_is_explained(host: Host, pack_nodes: dict[str, Any]) -> None:
    info = host.object_info()
    unexplained = [
        f"{node_id}.{name}"
        for node_id in pack_nodes
        for name, tooltip in zip(
            info[node_id]["output_name"], info[node_id]["output_tooltips"], strict=True
        )
        if len((tooltip or "").split()) < 3
    ]
    assert not unexplained


ADVANCED = {
    "ToonCrafterCut.smooth",
    "ToonCrafterRedraw.feather",
    "ToonCrafterLoader.weight_dtype",
    "ToonCrafterKeyframes.seed",
    "ToonCrafterSketchEncoderLoader.tokens",
    "ToonCrafterSketchGuidance.start_percent",
    "ToonCrafterSketchGuidance.polarity",
    "ToonCrafterSketchGuidance.other_frames",
    "ToonCrafterSampler.eta",
    "ToonCrafterSampler.guidance_rescale",
    "ToonCrafterSigmas.spacing",
    "ToonCrafterDecode.memory_budget",
    "ToonCrafterDecode.tiles",
    "ToonCrafterDecode.width",
    "ToonCrafterDecode.height",
    "ToonCrafterCut.cel",
    "ToonCrafterCut.seeds",
    "ToonCrafterCut.fps",
    "ToonCrafterCut.draw_holds",
    "ToonCrafterExposure.cel",
    "ToonCrafterExposure.fps",
    "ToonCrafterSaveSheet.cel",
    "ToonCrafterSpriteSheet.cel",
    "ToonCrafterSpriteSheet.columns",
    "ToonCrafterSpriteSheet.format",
    "ToonCrafterSpriteSheet.max_size",
    "ToonCrafterSpriteSheet.padding",
    "ToonCrafterSpriteSheet.power_of_two",
}
"""What a beginner never needs."""


def test_inputs_for_the_few_are_folded_away_where_the_host_can(
    host: Host, pack_nodes: dict[str, Any]
) -> None:
    info = host.object_info()
    folded = {
        f"{node_id}.{name}"
        for node_id in pack_nodes
        for group in ("required", "optional")
        for name, spec in info[node_id]["input"].get(group, {}).items()
        if spec[1].get("advanced")
    }
    is_known = "advanced" in inspect.signature(io.Combo.Input).parameters
    assert folded == (ADVANCED if is_known else set())


def test_loader_offers_files_of_the_model_folders(stocked: Host) -> None:
    inputs = stocked.object_info()["ToonCrafterLoader"]["input"]["required"]
    assert {model_files.FULL, model_files.PRUNED} <= set(choices(inputs["checkpoint"]))
    assert choices(inputs["text_encoder"])[0] == "none"
    assert model_files.TEXT_ENCODER in choices(inputs["text_encoder"])
    assert model_files.IMAGE_ENCODER in choices(inputs["image_encoder"])


def choices(spec: list[Any]) -> list[str]:
    """The choices of a list input, which versions of ComfyUI describe in two ways."""
    return spec[0] if isinstance(spec[0], list) else spec[1]["options"]


# Runs


def test_graph_gives_the_frames_and_the_size_it_was_asked_for(
    stocked: Host, images: Images
) -> None:
    asked = {"width": 104, "height": 56, "frames": 5}
    result = stocked.run(interpolation(*images, keyframes=asked))
    frames = frames_of(stocked, result)
    assert frames.shape == (5, 56, 104, 3)
    assert frames.std() > 0.01


def test_changed_seed_runs_only_what_comes_after_it(stocked: Host, images: Images) -> None:
    first = stocked.run(interpolation(*images, sampler={"seed": 21}))
    other = stocked.run(interpolation(*images, sampler={"seed": 22}))
    later = {host_prompts.SAMPLER, host_prompts.DECODE, host_prompts.SAVE}
    assert set(other.executed) == later
    assert not np.array_equal(frames_of(stocked, first), frames_of(stocked, other))


def test_cancelled_run_ends_at_once_and_the_next_is_as_if_it_had_not_been(
    stocked: Host, images: Images
) -> None:
    before = frames_of(stocked, stocked.run(interpolation(*images, sampler={"seed": 31})))

    long_run = stocked.submit(interpolation(*images, sampler={"seed": 32, "steps": 1000}))
    give_up = time.monotonic() + 60
    while len(long_run.progress) < 5 and time.monotonic() < give_up:
        time.sleep(0.02)
    stocked.interrupt()
    cancelled = stocked.wait(long_run.prompt_id)
    assert cancelled.status == "interrupted"
    # Counted in steps: how long one takes is the machine's own, and what else it does.
    assert len(cancelled.progress) < 500

    # The default in words: the same clip, but not the same prompt, which newer hosts have kept.
    again = {"seed": 31, "preset": "published"}
    after = stocked.run(interpolation(*images, sampler=again))
    assert host_prompts.SAMPLER in after.executed
    assert np.array_equal(frames_of(stocked, after), before)


def test_graph_and_core_draw_the_same_frames_from_a_seed(
    stocked: Host, images: Images, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    result = stocked.run(
        interpolation(
            *images,
            keyframes={"seed": 41, "width": 72, "height": 64, "frames": 6},
            sampler={"seed": 41, "steps": 4},
        )
    )
    found = frames_of(stocked, result)

    checkpoint = read_checkpoint(stocked.base / "models" / "checkpoints" / model_files.FULL)
    first, last = (torch.from_numpy(p).movedim(-1, 0).float() / 127.5 - 1 for p in pictures)
    settings = InterpolationSettings(
        prompt="an anime scene", width=72, height=64, num_frames=6, steps=4, seed=41
    )
    video = interpolate(build_models(checkpoint), Keyframes.at_ends(first, last), settings)
    expected = ((video[0] + 1) / 2).clamp(0, 1).permute(1, 2, 3, 0).numpy()
    assert found.shape == expected.shape
    # SaveImage cuts to 8 bits.
    assert np.abs(found - np.floor(expected * 255) / 255).max() <= 1.01 / 255


@pytest.mark.parametrize(
    ("text", "image"),
    [
        (model_files.TEXT_ENCODER, model_files.IMAGE_ENCODER),
        (model_files.OPEN_CLIP, model_files.OPEN_CLIP),
    ],
    ids=["hugging_face", "open_clip"],
)
def test_pruned_checkpoint_with_encoder_files_draws_what_the_full_one_does(
    stocked: Host, images: Images, text: str, image: str
) -> None:
    full = frames_of(stocked, stocked.run(interpolation(*images, sampler={"seed": 51})))
    apart = {"checkpoint": model_files.PRUNED, "text_encoder": text, "image_encoder": image}
    result = stocked.run(interpolation(*images, load=apart, sampler={"seed": 51}))
    assert np.abs(frames_of(stocked, result) - full).max() <= 1.01 / 255
