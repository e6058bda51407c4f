"""What a saved workflow becomes for ComfyUI's server, without a ComfyUI."""

from typing import Any

import pytest

from comfyui.workflow import DYNAMIC_COMBO, WorkflowError, to_prompt

CRF = ["FLOAT", {"default": 23.0}]
ENCODING = [
    DYNAMIC_COMBO,
    {
        "options": [
            {"key": "auto", "inputs": {}},
            {"key": "own", "inputs": {"required": {"crf": CRF}}},
        ]
    },
]
CODECS = [
    {"key": "auto", "inputs": {"required": {}}},
    {"key": "h264", "inputs": {"optional": {"encoding": ENCODING}}},
]
SAVE = {
    "input": {
        "required": {
            "video": ["VIDEO", {}],
            "prefix": ["STRING", {"default": "clip"}],
            "codec": [DYNAMIC_COMBO, {"options": CODECS}],
            "loops": ["INT", {"default": 1}],
        },
        "optional": {"format": [["mp4", "webm"]], "sound": ["AUDIO", {}]},
    }
}
"""A node with a list whose choices bring inputs of their own, as *Save Video* is since 2026."""


def inputs_of(values: Any) -> dict[str, Any]:
    """What the node gets of these values."""
    workflow = {"nodes": [{"id": 4, "type": "Save", "widgets_values": values}]}
    return to_prompt(workflow, {"Save": SAVE})["4"]["inputs"]


def test_a_choice_without_inputs_of_its_own_takes_one_value() -> None:
    assert inputs_of(["a", "auto", 3, "webm"]) == {
        "prefix": "a", "codec": "auto", "loops": 3, "format": "webm",
    }  # fmt: skip


def test_inputs_of_a_choice_follow_it_and_are_named_after_it() -> None:
    assert inputs_of(["a", "h264", "own", 18.0, 3, "mp4"]) == {
        "prefix": "a", "codec": "h264", "codec.encoding": "own", "codec.encoding.crf": 18.0,
        "loops": 3, "format": "mp4",
    }  # fmt: skip


def test_widgets_that_came_after_the_file_was_saved_stand_at_their_defaults() -> None:
    assert inputs_of(["a"]) == {"prefix": "a", "codec": "auto", "loops": 1, "format": "mp4"}
    assert inputs_of(None)["prefix"] == "clip"


def test_values_with_names_keep_them() -> None:
    assert inputs_of({"prefix": "a", "loops": 2, "shown": True}) == {"prefix": "a", "loops": 2}


def test_an_unknown_node_is_named() -> None:
    with pytest.raises(WorkflowError, match="is a 'Save'"):
        to_prompt({"nodes": [{"id": 4, "type": "Save"}]}, {})
