"""A cut in a running ComfyUI: what its frames show, and what is refused."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from comfyui.host import Host
from support.exposure_sheets import THREE_KEYS, document, sheet_from, xdts_bytes
from support.host_cuts import (
    CUT,
    DRAWINGS,
    FRAMES,
    REPORT,
    cut_prompt,
    key,
    pictures_of,
    put_keys,
    run_cut,
    sampled,
    sheet_file,
)
from support.host_prompts import node
from support.model_files import FULL, stock
from tooncrafter_core.checkpoints import read_checkpoint
from tooncrafter_core.checkpoints.load import build_models
from tooncrafter_core.cut.drawing import CutDrawing
from tooncrafter_core.cut.keys import read_keys
from tooncrafter_core.cut.plain import time_cut
from tooncrafter_core.cut.plan import exposed, plan_cut
from tooncrafter_core.cut.sheets.order import names_shown
from tooncrafter_core.cut.store import ClipStore
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings

pytestmark = pytest.mark.at_both_ends


@pytest.fixture(scope="module")
def stocked() -> Iterator[Host]:
    """A ComfyUI as it starts, with small weights."""
    with Host(os.environ["TOONCRAFTER_COMFYUI"]) as running:
        stock(running.base / "models")
        yield running


FOUR = {f"{n}": key(n) for n in (1, 2, 3, 4)}


def shown_in(host: Host, result: Any) -> list[str | None]:
    """The names that the saved sheet has for every frame."""
    path = sheet_file(host, result)
    return names_shown(sheet_from(path.read_bytes(), path.name), 0)


def test_frames_are_what_the_sheet_says_and_keys_what_they_were(stocked: Host) -> None:
    folder = put_keys(stocked, "four", **FOUR)
    result = run_cut(stocked, folder, seed=64)
    frames = pictures_of(stocked, result, FRAMES)
    drawings = pictures_of(stocked, result, DRAWINGS)
    shown = shown_in(stocked, result)
    assert shown == ["1", "1", "5", "5", "2", "2", "6", "6", "3", "3", "7", "7", "4", "4"]
    assert len(drawings) == 7
    names = list(dict.fromkeys(shown))
    assert np.array_equal(frames, np.stack([drawings[names.index(name)] for name in shown]))
    for name, picture in zip(names, drawings, strict=True):
        if name in FOUR:
            assert np.array_equal(picture, FOUR[str(name)])
        else:
            assert all(np.abs(picture.astype(int) - one).max() > 2 for one in FOUR.values())
    assert len(sampled(result)) == 3
    [report] = result.outputs[REPORT]["text"]
    assert "14 frames of 7 drawings: 4 keys and 3 in-betweens, in 3 segments" in report


def test_a_cycle_is_closed_and_shows_its_first_key_once(stocked: Host) -> None:
    folder = put_keys(stocked, "cycle", **{n: FOUR[n] for n in ("1", "2", "3")})
    result = run_cut(stocked, folder, frames="1, 4, 7, 10", on=1, cycle=True, seed=61)
    assert shown_in(stocked, result) == ["1", "4", "5", "2", "6", "7", "3", "8", "9"]
    assert len(sampled(result)) == 3
    frames = pictures_of(stocked, result, FRAMES)
    firsts = [np.array_equal(frame, FOUR["1"]) for frame in frames]
    assert firsts == [True] + [False] * 8


def test_circles_of_a_sheet_become_drawings_and_all_else_stays(stocked: Host) -> None:
    folder = put_keys(stocked, "sheet", **{n: FOUR[n] for n in ("1", "2", "3")})
    raw = xdts_bytes(document([("A", THREE_KEYS), ("B", {0: "x"})], 26))
    (stocked.base / "input" / folder / "scene.xdts").write_bytes(raw)
    prompt = cut_prompt(folder, sheet=["20", 0])
    prompt["20"] = node("ToonCrafterLoadSheet", sheet=f"{folder}/scene.xdts")
    result = stocked.run(prompt, timeout=300)
    frames = pictures_of(stocked, result, FRAMES)
    filled = sheet_from(sheet_file(stocked, result).read_bytes())
    assert list(filled.columns[0].cells.values())[:8] == ["1", "4", "5", "6", "2", "7", "8", "3"]
    assert filled.columns[1].cells == {0: "x"}
    assert len(frames) == 26
    assert np.array_equal(frames[20], FOUR["3"])
    assert (frames[24:] == 255).all()


def test_holds_and_transparent_keys_are_said(stocked: Host) -> None:
    clear = key(1, 4)
    folder = put_keys(stocked, "holds", a=clear, b=clear, c=FOUR["2"])
    result = run_cut(stocked, folder, frames="1, 5, 9", seed=63)
    assert len(sampled(result)) == 1
    frames = pictures_of(stocked, result, FRAMES)
    assert frames.shape[-1] == 3 and (frames[0] == frames[5]).all()
    alpha = clear[..., 3:].astype(float) / 255
    over_white = clear[..., :3] * alpha + 255 * (1 - alpha)
    # SaveImage cuts the fraction off.
    assert np.abs(frames[0] - over_white).max() <= 1.01
    [report] = result.outputs[REPORT]["text"]
    assert "hold" in report and "White is put behind what is transparent, in 'a', 'b'" in report


def test_many_in_betweens_are_drawn_in_halves(stocked: Host) -> None:
    folder = put_keys(stocked, "halves", a=FOUR["1"], b=FOUR["2"])
    result = run_cut(stocked, folder, frames="1, 21", on=1, seed=62)
    assert len(sampled(result)) == 3
    drawings = pictures_of(stocked, result, DRAWINGS)
    assert len(drawings) == 21 and len(np.unique(drawings, axis=0)) == 21


@pytest.mark.parametrize("frames", ["1, 5, 9, 13", "1, 21, 23, 25"])
def test_nodes_and_core_draw_the_same_cut(stocked: Host, tmp_path: Any, frames: str) -> None:
    folder = put_keys(stocked, "core", **FOUR)
    found = pictures_of(stocked, run_cut(stocked, folder, frames=frames, on=1, seed=3), FRAMES)

    files = [stocked.base / "input" / folder / f"{n}.png" for n in FOUR]
    starts = [int(frame) - 1 for frame in frames.split(",")]
    cut = time_cut(list(FOUR), starts, 1, pictures=files)
    models = build_models(read_checkpoint(stocked.base / "models" / "checkpoints" / FULL))
    drawing = CutDrawing(
        cut=cut,
        pictures=read_keys(cut.keys),
        settings=InterpolationSettings(width=64, height=64, steps=1, guidance_scale=1.0, seed=3),
        weights="",
        store=ClipStore(tmp_path),
    )
    plan = plan_cut(cut)
    levels = drawing.draw(plan, lambda keys, settings, _: interpolate(models, keys, settings)[0]
                          .movedim(1, 0))  # fmt: skip
    expected = np.stack([one for one in exposed(plan.sheet, levels) if one is not None])
    assert found.shape == expected.shape
    # The core rounds to levels, SaveImage cuts the fraction off; halves magnify what differs.
    assert np.abs(found.astype(int) - expected).max() <= 2


BAD = [
    ({"frames": "1, 5, 9"}, "4 keys and 3 frames"),
    ({"frames": "1, 5, 5, 9"}, "at frame 5"),
    ({"frames": "1, 9, 5, 13"}, "out of order"),
    ({"frames": "a"}, "'a' is no frame"),
    ({"spacing": "fast"}, "There is no spacing 'fast'"),
    ({"spacing": "1/2\n1/2"}, "3 segments and 2 spacings"),
    ({"spacing": "0"}, "is the first key itself"),
    ({"prompts": "a\nb"}, "2 lines of prompts for 3 segments"),
    ({"seeds": "1\nx\n3"}, "'x' is no seed"),
    ({"seeds": "-1"}, "'-1' is no seed"),
    ({"seeds": f"{2**64}"}, "is no seed"),
    ({"frames": "1, 200, 201, 202", "on": 1}, "198 in-betweens"),
    ({"length": 3}, "comes after the end"),
    ({"cel": "A"}, "connect a sheet"),
    ({"cycle": True}, "one frame more"),
]


@pytest.mark.parametrize(("inputs", "words"), BAD, ids=lambda value: str(value)[:30])
def test_bad_input_is_one_sentence_before_anything_is_drawn(
    stocked: Host, inputs: dict[str, Any], words: str
) -> None:
    folder = put_keys(stocked, "bad", **FOUR)
    result = run_cut(stocked, folder, seed=1234, **inputs)
    assert result.error is not None, result.status
    assert words in result.error["exception_message"]
    assert result.error["node_id"] == CUT
    assert result.error["exception_type"].startswith("tooncrafter.")
    assert sampled(result) == []


@pytest.mark.parametrize(
    ("cells", "names", "words"),
    [
        ({0: "1", 4: "2"}, ("1", "2"), "no circle"),
        ({0: "SYMBOL_TICK_1", 4: "1", 8: "2"}, ("1", "2"), "before its first key"),
        ({0: "1", 4: "2", 8: "SYMBOL_TICK_1"}, ("1", "2"), "after its last key"),
        ({0: "1", 2: "SYMBOL_TICK_1", 4: "2"}, ("1", "3"), "no file for 1 key: '2'"),
    ],
)
def test_a_sheet_that_cannot_be_drawn_is_one_sentence(
    stocked: Host, cells: dict[int, str], names: tuple[str, ...], words: str
) -> None:
    folder = put_keys(stocked, "badsheet", **{n: FOUR[n] for n in names})
    (stocked.base / "input" / folder / "scene.xdts").write_bytes(
        xdts_bytes(document([("A", cells)], 12))
    )
    prompt = cut_prompt(folder, sheet=["20", 0])
    prompt["20"] = node("ToonCrafterLoadSheet", sheet=f"{folder}/scene.xdts")
    result = stocked.run(prompt, timeout=300)
    assert result.error is not None and words in result.error["exception_message"]
    assert sampled(result) == []
