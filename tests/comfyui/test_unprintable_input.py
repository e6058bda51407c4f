"""Text that no log can show, in every choice and text of our nodes: the server goes on."""

from typing import Any

import pytest

from comfyui.host import Host, Prompt
from support import model_files
from support.host_prompts import DECODE, KEYFRAMES, LOAD, POSITIVE, SAMPLER, interpolation, node
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder

ENCODER, GUIDANCE, SIGMAS, SHOWN = "20", "22", "23", "24"
FILE = "tiny-sketch.safetensors"
SURROGATES = "\ud800x\udfff"
LONG = "\x1b[2J\u202e" + "x" * 100_000
CHOICES_AND_TEXTS = [
    (LOAD, "checkpoint"),
    (LOAD, "text_encoder"),
    (LOAD, "image_encoder"),
    (LOAD, "weight_dtype"),
    (ENCODER, "sketch_encoder"),
    (ENCODER, "tokens"),
    (KEYFRAMES, "fit"),
    (GUIDANCE, "frames"),
    (GUIDANCE, "polarity"),
    (GUIDANCE, "other_frames"),
    (SAMPLER, "preset"),
    (SIGMAS, "spacing"),
    (DECODE, "tiles"),
]


@pytest.fixture(scope="module")
def sketched(stocked: Host) -> Host:
    """The running ComfyUI with the tiny sketch encoder."""
    checkpoint = made_up_sketch_encoder()
    tensors = {key: checkpoint[key] for key in checkpoint.info}
    model_files.save(tensors, stocked.base / "models" / "controlnet" / FILE)
    return stocked


def everything(images: tuple[str, str]) -> Prompt:
    """A graph with each of our nodes that has a choice or a text."""
    prompt = interpolation(*images, sampler={"steps": 1, "preset": "published"})
    prompt[DECODE]["inputs"]["tiles"] = "off"
    prompt[ENCODER] = node("ToonCrafterSketchEncoderLoader", sketch_encoder=FILE, tokens="text")
    prompt[GUIDANCE] = node(
        "ToonCrafterSketchGuidance",
        positive=[KEYFRAMES, 0], negative=[KEYFRAMES, 1], control_net=[ENCODER, 0],
        sketches=prompt[KEYFRAMES]["inputs"]["first_image"], frames="2", strength=0.6,
        start_percent=0.0, end_percent=1.0, polarity="auto", other_frames="empty",
    )  # fmt: skip
    prompt[SAMPLER]["inputs"] |= {"positive": [GUIDANCE, 0], "negative": [GUIDANCE, 1]}
    prompt[SIGMAS] = node("ToonCrafterSigmas", model=[LOAD, 0], steps=2, spacing="trailing")
    prompt[SHOWN] = node("PreviewAny", source=[SIGMAS, 0])
    return prompt


def choices_and_texts(info: dict[str, Any]) -> set[tuple[str, str]]:
    """Every input of our nodes that takes a choice or a text, by node and name."""
    return {
        (kind, name)
        for kind, described in info.items()
        if kind.startswith("ToonCrafter")
        for inputs in described["input"].values()
        if isinstance(inputs, dict)
        for name, spec in inputs.items()
        if isinstance(spec, list) and (isinstance(spec[0], list) or spec[0] in ("COMBO", "STRING"))
    }


def alone(kind: str, described: dict[str, Any], images: tuple[str, str]) -> Prompt:
    """A graph that ends in a node of this kind, its values the usual ones."""
    prompt = interpolation(*images)
    keyframes = prompt[KEYFRAMES]["inputs"]
    pictures = node("ImageBatch", image1=keyframes["first_image"], image2=keyframes["last_image"])
    links = {"MODEL": [LOAD, 0], "CLIP": [LOAD, 1], "CLIP_VISION": [LOAD, 2], "VAE": [LOAD, 3],
             "IMAGE": ["30", 0]}  # fmt: skip
    values: dict[str, Any] = {}
    for inputs in (described["input"].get("required", {}), described["input"].get("optional", {})):
        for name, spec in inputs.items():
            usual = spec[1].get("default") if len(spec) > 1 else None
            if isinstance(spec[0], list):
                usual = spec[0][0] if usual is None and spec[0] else usual
            values[name] = links.get(str(spec[0]), usual)
    values = {name: value for name, value in values.items() if value is not None}
    graph = {which: one for which, one in prompt.items() if which not in (SAMPLER, DECODE)}
    return graph | {
        "30": pictures, "31": node(kind, **values), "32": node("PreviewAny", source=["31", 0])
    }  # fmt: skip


def test_other_nodes_take_text_that_cannot_be_shown(
    sketched: Host, images: tuple[str, str]
) -> None:
    """Nodes outside of the graph above: each text is refused in our words, or taken."""
    info = sketched.object_info()
    tried = {(everything(images)[which]["class_type"], name) for which, name in CHOICES_AND_TEXTS}
    others = sorted(choices_and_texts(info) - tried)
    assert {kind for kind, _ in others} >= {"ToonCrafterCut", "ToonCrafterLoadSheet"}
    ended = 0
    for kind, name in others:
        for value in (SURROGATES, LONG):
            prompt = alone(kind, info[kind], images)
            prompt["31"]["inputs"][name] = value
            result = sketched.run(prompt, timeout=60)
            if result.status == "error":
                assert result.error is not None
                message = result.error["exception_message"]
                assert message.strip().isprintable() and len(message) < 1000, (kind, name)
                assert result.error["exception_type"].startswith("tooncrafter."), (kind, name)
                ended += 1
    assert ended > 10
    good = {LOAD: everything(images)[LOAD], "99": node("PreviewAny", source=[LOAD, 1])}
    assert sketched.run(good, timeout=60).status == "success"


@pytest.mark.parametrize(("which", "name"), [*CHOICES_AND_TEXTS, (POSITIVE, "text")])
@pytest.mark.parametrize("value", [SURROGATES, LONG], ids=["surrogates", "long"])
def test_text_that_cannot_be_shown_ends_its_prompt_and_not_the_server(
    sketched: Host, images: tuple[str, str], which: str, name: str, value: str
) -> None:
    prompt = everything(images)
    prompt[which]["inputs"][name] = value
    result = sketched.run(prompt, timeout=60)
    is_ours = prompt[which]["class_type"].startswith("ToonCrafter")
    # Some versions of ComfyUI compare a choice with the list, and refuse the prompt or the branches
    # that need the node; others leave it to the node.
    is_refused = result.validation is not None and which in result.validation["node_errors"]
    if is_ours and not is_refused:
        assert result.status == "error" and result.error is not None
        message = result.error["exception_message"]
        assert message.strip().isprintable() and len(message) < 1000
        assert ("\\ud800x\\udfff" if value == SURROGATES else "\\u202exxx") in message
        assert result.error["exception_type"].startswith("tooncrafter.")
    good = {LOAD: everything(images)[LOAD]}
    good["99"] = node("PreviewAny", source=[LOAD, 1])
    assert sketched.run(good, timeout=60).status == "success"
