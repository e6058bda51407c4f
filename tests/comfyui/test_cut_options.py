"""Sketches, colour lock, smooth motion and alpha of 'ToonCrafter Cut' in a running ComfyUI."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from comfyui.host import Host, RunResult
from support import model_files
from support.exposure_sheets import CIRCLE, NOTHING, document, xdts_bytes
from support.host_cuts import (
    CUT,
    DRAWINGS,
    FRAMES,
    REPORT,
    SIDE,
    cut_prompt,
    key,
    pictures_of,
    put_keys,
    sampled,
)
from support.host_prompts import node
from support.host_sketches import drawings
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder
from tooncrafter_core.cli import main
from tooncrafter_core.config.presets import TINY_SKETCH

pytestmark = pytest.mark.at_both_ends

ENCODER, OTHER, SKETCHES, MASK = "tiny-sketch.safetensors", "other.safetensors", "11", "13"
THREE = {f"{n}": key(n) for n in (1, 2, 3)}
SHORT = {"frames": "1, 5, 9", "on": 1}
AT = ((0, "1"), (4, "2"), (8, "3"))
"""The frames of its keys."""


@pytest.fixture(scope="module")
def stocked() -> Iterator[Host]:
    """A ComfyUI with small weights, the sketch encoder, and two sketches."""
    with Host(os.environ["TOONCRAFTER_COMFYUI"]) as running:
        models = running.base / "models"
        model_files.stock(models)
        wider = replace(TINY_SKETCH, context_dim=96)
        for name, config in ((ENCODER, TINY_SKETCH), (OTHER, wider)):
            checkpoint = made_up_sketch_encoder(config)
            tensors = {key: checkpoint[key] for key in checkpoint.info}
            model_files.save(tensors, models / "controlnet" / name)
        ink = (drawings(2, SIDE, SIDE).numpy() * 255).astype(np.uint8)
        put_keys(running, "sketches", a=ink[0], b=ink[1])
        put_keys(running, "one", a=ink[0])
        put_keys(running, "flat", a=np.full_like(ink[0], 200))
        yield running


def clear_keys() -> dict[str, np.ndarray]:
    """Keys of which a part is clear: a disc that moves, on nothing."""
    found = {}
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for number in (1, 2, 3):
        alpha = np.where((rows - 30) ** 2 + (columns - 12 - 10 * number) ** 2 < 120, 255, 0)
        found[str(number)] = np.dstack([THREE[str(number)], alpha]).astype(np.uint8)
    return found


def run(
    host: Host, folder: str, sketches: str | None = None, encoder: str = ENCODER, **inputs: Any
) -> RunResult:
    """A cut, along the sketches of a folder if one is named."""
    prompt = cut_prompt(folder, **inputs)
    if sketches is not None:
        prompt["10"] = node("ToonCrafterSketchEncoderLoader", sketch_encoder=encoder, tokens="text")
        prompt[SKETCHES] = node("ToonCrafterLoadKeys", folder=sketches)
        given = {"control_net": ["10", 0], "sketches": [SKETCHES, 0]}
        prompt[CUT]["inputs"] = given | prompt[CUT]["inputs"]
    prompt[MASK] = node("MaskToImage", mask=[CUT, 4])
    prompt["14"] = node("SaveImage", images=[MASK, 0], filename_prefix="cut/mask")
    return host.run(prompt, timeout=300)


def report_in(result: RunResult) -> str:
    [text] = result.outputs[REPORT]["text"]
    return text


def by_command(host: Host, folder: str, out: Path, *options: str) -> np.ndarray:
    """The frames that the command draws of the same cut."""
    models = host.base / "models"
    status = main([
        "cut", "--keys", str(host.base / "input" / folder), "--frames", "1,5,9",
        "--checkpoint", str(models / "checkpoints" / model_files.FULL), "--dtype", "fp32",
        "--steps", "1", "--guidance-scale", "1", "--seed", "5", "--width", str(SIDE),
        "--height", str(SIDE), "--format", "none", "--quiet", "-o", str(out), *options,
    ])  # fmt: skip
    assert status == 0
    return np.stack([np.asarray(Image.open(one)) for one in sorted((out / "frames").iterdir())])


def test_a_sketch_is_followed_as_by_the_command_and_costs_its_own_segment(
    stocked: Host, tmp_path: Path
) -> None:
    folder = put_keys(stocked, "guided", **THREE)
    plain = run(stocked, folder, **SHORT)
    before = pictures_of(stocked, plain, DRAWINGS)
    assert len(sampled(plain)) == 2
    guided = run(stocked, folder, "one", **SHORT, sketch_places="2:8")
    frames = pictures_of(stocked, guided, FRAMES)
    # The clip of the first segment is still there: it has no sketch.
    assert len(sampled(guided)) == 1
    after = pictures_of(stocked, guided, DRAWINGS)
    same = [np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert same == [True] * 5 + [False] * 3 + [True]

    sketch = stocked.base / "input" / "one" / "a.png"
    encoder = stocked.base / "models" / "controlnet" / ENCODER
    expected = by_command(
        stocked, folder, tmp_path / "out",
        "--sketch", f"2:8={sketch}", "--sketch-encoder", str(encoder),
    )  # fmt: skip
    # The command rounds to levels, SaveImage cuts the fraction off.
    assert np.abs(frames.astype(int) - expected).max() <= 1
    # Without the sketch the first clip is still there.
    assert sampled(run(stocked, folder, **SHORT, length=11)) == []


def test_two_sketches_go_to_their_segments(stocked: Host) -> None:
    folder = put_keys(stocked, "two", **THREE)
    first = run(stocked, folder, "sketches", **SHORT, seed=6, sketch_places="1:8, 2:4")
    swapped = run(stocked, folder, "sketches", **SHORT, seed=6, sketch_places="2:8\n1:4")
    assert [len(sampled(result)) for result in (first, swapped)] == [2, 2]
    one, other = (pictures_of(stocked, result, DRAWINGS) for result in (first, swapped))
    assert not np.array_equal(one[1], other[1]) and not np.array_equal(one[5], other[5])


def test_what_is_changed_after_drawing_is_as_by_the_command_and_draws_nothing(
    stocked: Host, tmp_path: Path
) -> None:
    folder = put_keys(stocked, "changed", **THREE)
    plain = pictures_of(stocked, run(stocked, folder, **SHORT), FRAMES)
    result = run(stocked, folder, **SHORT, colour_lock=True)
    locked = pictures_of(stocked, result, FRAMES)
    assert sampled(result) == []
    assert "colours of segment 2: difference at the keys" in report_in(result)
    both = run(stocked, folder, **SHORT, colour_lock=True, smooth="all")
    frames = pictures_of(stocked, both, FRAMES)
    assert sampled(both) == [] and "The motion is smoothed at key 2." in report_in(both)
    assert all(np.array_equal(frames[at], THREE[n]) for at, n in AT)
    expected = by_command(stocked, folder, tmp_path / "out", "--colour-lock", "--smooth", "all")
    # Here and there a level is rounded the other way, which the lock's gain makes larger.
    difference = np.abs(frames.astype(int) - expected)
    assert difference.mean() <= 0.1 and difference.max() <= 8
    for without in (plain, locked):
        assert np.abs(without.astype(int) - expected).mean() > 5 * max(difference.mean(), 0.01)


def test_alpha_is_kept_as_by_the_command(stocked: Host, tmp_path: Path) -> None:
    keys = clear_keys()
    folder = put_keys(stocked, "clear", **keys)
    result = run(stocked, folder, **SHORT, alpha="keep")
    frames = pictures_of(stocked, result, FRAMES)
    assert frames.shape == (9, SIDE, SIDE, 4)
    assert all(np.array_equal(frames[at], keys[n]) for at, n in AT)
    expected = by_command(stocked, folder, tmp_path / "out", "--alpha", "keep")
    # Whether a pixel is the matte is decided; where a level is rounded the other way, a few next
    # to the bound go the other way as well.
    seen = np.concatenate([frames[..., :3] * (frames[..., 3:] / 255), frames[..., 3:]], axis=-1)
    wanted = np.concatenate([expected[..., :3] * (expected[..., 3:] / 255), expected[..., 3:]], -1)
    is_other = (np.abs(seen - wanted) > 2).any(axis=-1)
    assert is_other.mean() <= 0.01
    # The mask is what is clear: SaveImage cuts the fraction off.
    mask = pictures_of(stocked, result, "14")[..., 0]
    assert np.abs(mask.astype(int) - (255 - frames[..., 3].astype(int))).max() <= 1


def test_a_mask_gives_keys_their_alpha_and_nothing_shown_is_clear(stocked: Host) -> None:
    keys = clear_keys()
    folder = put_keys(stocked, "masked", **{n: one[..., :3] for n, one in keys.items()})
    alphas = put_keys(stocked, "alphas", **keys)
    prompt = cut_prompt(folder, **SHORT, alpha="keep", mask=["15", 1], sheet=["16", 0])
    prompt["15"] = node("ToonCrafterLoadKeys", folder=alphas)
    prompt["16"] = node("ToonCrafterLoadSheet", sheet=f"{folder}/scene.xdts")
    sheet = xdts_bytes(document([("A", {0: "1", 2: CIRCLE, 4: "2", 5: "3", 6: NOTHING})], 8))
    (stocked.base / "input" / folder / "scene.xdts").write_bytes(sheet)
    frames = pictures_of(stocked, stocked.run(prompt, timeout=300), FRAMES)
    assert frames.shape == (8, SIDE, SIDE, 4)
    assert np.array_equal(frames[0, ..., 3], keys["1"][..., 3])
    assert not frames[6:].any()


def test_opaque_keys_with_alpha_kept_are_said(stocked: Host) -> None:
    folder = put_keys(stocked, "opaque", **THREE)
    result = run(stocked, folder, **SHORT, alpha="keep")
    assert pictures_of(stocked, result, FRAMES).shape[-1] == 3
    assert "No key is transparent anywhere" in report_in(result)
    assert not pictures_of(stocked, result, "14").any()


def test_a_sketch_encoder_of_another_model_is_said_before_anything_is_drawn(stocked: Host) -> None:
    folder = put_keys(stocked, "other", **THREE)
    result = run(stocked, folder, "one", OTHER, **SHORT, seed=4322, sketch_places="2:8")
    assert result.error is not None and "another model" in result.error["exception_message"]
    assert result.error["node_id"] == CUT and sampled(result) == []


BAD = [
    ("one", {"sketch_places": "3:8"}, "segment 3, which is not there: the cut has 2"),
    ("one", {"sketch_places": "2:17"}, "moments are 1 to 16"),
    ("one", {"sketch_places": "2:0"}, "moments are 1 to 16"),
    ("one", {"sketch_places": "8"}, "'8' is no place of a sketch"),
    ("one", {"sketch_places": ""}, "is 1 sketch and 0 places"),
    ("sketches", {"sketch_places": "2:8"}, "are 2 sketches and 1 place"),
    ("sketches", {"sketch_places": "2:8, 2:8"}, "two sketches at moment 8"),
    ("flat", {"sketch_places": "2:8"}, "one flat colour"),
    ("one", {"sketch_places": "2:8", "control_net": None}, "connect control_net"),
    (None, {"sketch_places": "2:8"}, "no sketch is connected"),
    (None, {"smooth": "7"}, "no key '7' to smooth"),
    (None, {"smooth": "1"}, "cannot be smoothed"),
]


@pytest.mark.parametrize(("sketches", "inputs", "words"), BAD, ids=lambda value: str(value)[:30])
def test_what_cannot_be_is_one_sentence_before_anything_is_drawn(
    stocked: Host, sketches: str | None, inputs: dict[str, Any], words: str
) -> None:
    folder = put_keys(stocked, "bad", **THREE)
    given = {name: value for name, value in inputs.items() if value is not None}
    prompt_inputs = {**SHORT, "seed": 4321, **given}
    result = run(stocked, folder, sketches, **prompt_inputs)
    if "control_net" in inputs:
        prompt = cut_prompt(folder, **prompt_inputs, sketches=[SKETCHES, 0])
        prompt[SKETCHES] = node("ToonCrafterLoadKeys", folder=sketches)
        result = stocked.run(prompt, timeout=300)
    assert result.error is not None, result.status
    assert words in result.error["exception_message"]
    assert result.error["node_id"] == CUT
    assert result.error["exception_type"].startswith("tooncrafter.")
    assert sampled(result) == []
