"""Mistakes in the graph, as a running ComfyUI answers them; the next run is clean."""

from typing import Any

import numpy as np
import pytest

from comfyui.host import Host
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
from support.refusals import assert_clear


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


def test_failed_run_says_our_sentence_and_the_next_run_is_clean(
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
