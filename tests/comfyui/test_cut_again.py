"""Only what has changed is drawn again, in every way in which ComfyUI caches results."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from comfyui.host import Host
from support.host_cuts import (
    CUT,
    DRAWINGS,
    FRAMES,
    cut_prompt,
    key,
    pictures_of,
    put_keys,
    run_cut,
    sampled,
)
from support.host_prompts import node
from support.model_files import FULL, stock

pytestmark = pytest.mark.at_both_ends

MODES = [[], ["--cache-classic"], ["--cache-lru", "12"]]
"""Options that ComfyUI is started with; the last is too small for the nodes of one cut."""


@pytest.fixture(scope="module", params=MODES, ids=lambda options: options[0] if options else "")
def stocked(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A ComfyUI with small weights, in each of the ways."""
    with Host(os.environ["TOONCRAFTER_COMFYUI"], options=request.param) as running:
        stock(running.base / "models")
        yield running


FOUR = {f"{n}": key(n) for n in (1, 2, 3, 4)}


def test_only_what_has_changed_is_drawn_again(stocked: Host) -> None:
    folder = put_keys(stocked, "changing", **FOUR)
    seeds = "11\n12\n13"
    first = run_cut(stocked, folder, seeds=seeds)
    assert len(sampled(first)) == 3
    before = pictures_of(stocked, first, DRAWINGS)
    # The third key is an end of the second segment and of the third.
    put_keys(stocked, folder, **{**FOUR, "3": key(30)})
    key_changed = run_cut(stocked, folder, seeds=seeds)
    assert len(sampled(key_changed)) == 2
    after = pictures_of(stocked, key_changed, DRAWINGS)
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True, True, True, False, False, False, True]
    seed_changed = run_cut(stocked, folder, seeds="11\n99\n13")
    assert len(sampled(seed_changed)) == 1
    prompt_changed = run_cut(stocked, folder, seeds="11\n99\n13", prompts="\n\nanother")
    assert len(sampled(prompt_changed)) == 1
    timed = {"seeds": "11\n99\n13", "prompts": "\n\nanother"}
    slower = run_cut(stocked, folder, **timed, frames="1, 9, 13, 30", on=3, spacing="slow out")
    assert sampled(slower) == []
    assert len(pictures_of(stocked, slower, FRAMES)) == 32


def test_a_key_that_is_put_between_leaves_the_other_segments(stocked: Host) -> None:
    folder = put_keys(stocked, "growing", **{n: FOUR[n] for n in ("1", "2", "4")})
    first = run_cut(stocked, folder, frames="1, 5, 13", seed=77)
    assert len(sampled(first)) == 2
    put_keys(stocked, folder, **FOUR)
    assert len(sampled(run_cut(stocked, folder, seed=77))) == 2


def test_where_comfyui_frees_its_memory_the_clips_are_freed(stocked: Host) -> None:
    folder = put_keys(stocked, "freed", **FOUR)
    drawn = [
        len(sampled(run_cut(stocked, folder, seed=78, frames=f"1, 5, 9, {last}")))
        for last in (13, 14)
    ]
    assert drawn == [3, 0]
    stocked.free_memory()
    # ComfyUI does so before the next prompt or after it.
    drawn = [
        len(sampled(run_cut(stocked, folder, seed=78, frames=f"1, 5, 9, {last}")))
        for last in (15, 16)
    ]
    assert sorted(drawn) == [0, 3]


def test_two_cuts_of_the_same_keys_are_drawn_in_one_workflow(stocked: Host) -> None:
    folder = put_keys(stocked, "twice", **FOUR)
    prompt = cut_prompt(folder, seed=79, frames="1, 5, 9, 13")
    # Another number of steps, and another model: both are what a cut is compared for.
    other = {"steps": 2}, {"model": ["loader", 0]}
    prompt["loader"] = node(
        "ToonCrafterLoader", checkpoint=FULL, text_encoder="none", image_encoder="none",
        weight_dtype="bf16",
    )  # fmt: skip
    for number, changed in enumerate(other):
        cut = {**prompt[CUT], "inputs": {**prompt[CUT]["inputs"], **changed}}
        prompt[f"cut{number}"] = cut
        prompt[f"saved{number}"] = node(
            "SaveImage", images=[f"cut{number}", 0], filename_prefix="cut/other"
        )
    result = stocked.run(prompt, timeout=300)
    films = [pictures_of(stocked, result, name) for name in (FRAMES, "saved0", "saved1")]
    assert [len(film) for film in films] == [14] * 3
    assert not np.array_equal(films[0], films[1])
    assert not np.array_equal(films[0], films[2])
