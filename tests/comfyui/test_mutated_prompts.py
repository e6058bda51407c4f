"""Prompts with inputs of all kinds, sent to a running ComfyUI: each ends, in a result or in words.

A prompt may succeed, be refused by ComfyUI's own validation, or fail with an error of this project.
Any other exception, a run that does not end and a server that goes away are faults.
"""

import copy
import logging
import math
import random
from collections import Counter
from typing import Any

import pytest

from comfyui.host import Host, Prompt
from support import host_prompts
from support.host_prompts import interpolation, node
from tooncrafter_core.checkpoints import save_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_sketch_encoder

logger = logging.getLogger(__name__)

FEW, MANY = 60, 2000
TIMEOUT = 120.0
OURS = "tooncrafter."
"""Before the name of an error of ours, as ComfyUI shows it."""
HOSTS_OWN = {"torch.OutOfMemoryError", "comfy.model_management.InterruptProcessingException"}

NUMBERS: list[Any] = [0, -1, 1, 2, 3, 7, 64, 1e-9, 0.5, -0.5, 2**31, 2**63, -(2**63), 1e308]
WORDS: list[Any] = [
    "", " ", "0", "none", "\x00", "\ud800", "é" * 300, "../../x", "8", "1, 2", "-1", "4-2",
    "all", "nan", "🎬", "\n\n", "1e9", "1-1000000000",
]  # fmt: skip
OTHERS: list[Any] = [None, True, False, [], {}, [1, 2], {"a": 1}, ["1", 99], ["99", 0], [1]]
BY_LINK = "30"
SKETCH_ENCODER = "fuzz_sketch_encoder.safetensors"


def sketched() -> Prompt:
    """The basic graph with sketch guidance in it."""
    prompt = interpolation("first.png", "last.png", sampler={"steps": 1, "preset": "published"})
    prompt["20"] = node("ToonCrafterSketchEncoderLoader", sketch_encoder=SKETCH_ENCODER,
                        tokens="text")  # fmt: skip
    prompt["21"] = node("ToonCrafterLineArt", images=[host_prompts.FIRST, 0], line_width=1.0,
                        threshold=0.08, white_on_black=False)  # fmt: skip
    prompt["22"] = node(
        "ToonCrafterSketchGuidance",
        positive=[host_prompts.KEYFRAMES, 0], negative=[host_prompts.KEYFRAMES, 1],
        control_net=["20", 0], sketches=["21", 0], frames="2", strength=0.6, start_percent=0.0,
        end_percent=1.0, polarity="auto", other_frames="empty",
    )  # fmt: skip
    sampler = prompt[host_prompts.SAMPLER]["inputs"]
    sampler["positive"], sampler["negative"] = ["22", 0], ["22", 1]
    return prompt


def mutated(chance: random.Random) -> Prompt:
    """The graph with one to three inputs of our nodes changed."""
    prompt = copy.deepcopy(sketched())
    ours = [key for key in prompt if prompt[key]["class_type"].startswith("ToonCrafter")]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        inputs = prompt[chance.choice(ours)]["inputs"]
        if not inputs:
            continue
        name = chance.choice(sorted(inputs))
        # Mostly what ComfyUI lets through: numbers over links, and texts.
        is_number = isinstance(inputs[name], int | float)
        way = chance.choice((1, 5, 5, 5, 5) if is_number else (0, 1, 2, 2, 3, 4))
        if way == 0:
            del inputs[name]
        elif way == 1:
            inputs[name] = chance.choice(NUMBERS)
        elif way == 2:
            inputs[name] = chance.choice(WORDS)
        elif way == 3:
            inputs[name] = chance.choice(OTHERS)
        elif way == 4:
            # Another socket of the graph, of the right kind or not.
            inputs[name] = [chance.choice(sorted(prompt)), chance.randrange(4)]
        else:
            inputs[name] = by_link(prompt, chance, type(inputs[name]))
    return within_reason(prompt)


def by_link(prompt: Prompt, chance: random.Random, wanted: type) -> list[Any]:
    """A number over a link, which ComfyUI compares with no range."""
    kind = "PrimitiveFloat" if wanted is float else "PrimitiveInt"
    value = chance.choice((-5, 0, 3, 10**6)) if kind == "PrimitiveInt" else chance.choice(
        (-5.0, 0.5, 1e9, 1e-9)
    )  # fmt: skip
    prompt[BY_LINK] = node(kind, value=value)
    return [BY_LINK, 0]


def within_reason(prompt: Prompt) -> Prompt:
    """The same without sizes and counts that are allowed and take minutes."""
    limits = {"width": 256, "height": 256, "frames": 16, "steps": 4}
    for one in prompt.values():
        for name, most in limits.items():
            value = one["inputs"].get(name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if is_number and math.isfinite(value) and most < value <= 4096:
                one["inputs"][name] = most
    return prompt


def outcome(host: Host, prompt: Prompt) -> str:
    """In one word how a prompt ended, or what is wrong with its end."""
    result = host.run(prompt, timeout=TIMEOUT)
    if result.status in ("success", "invalid"):
        return result.status
    if result.error is None:
        return f"fault: {result.status}"
    kind, text = result.error["exception_type"], result.error["exception_message"]
    if OURS in kind:
        return "refused in words"
    if kind in HOSTS_OWN:
        return kind
    return f"fault: {kind} of {result.error['node_type']}: {text.strip()[:200]}"


def check(host: Host, seed: int, count: int) -> None:
    """Send so many prompts, and the plain one at the end."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    faults: dict[str, Prompt] = {}
    for _ in range(count):
        prompt = mutated(chance)
        found = outcome(host, prompt)
        counts[found] += 1
        if found.startswith("fault"):
            faults.setdefault(found, prompt)
    assert not faults, (dict(counts), faults)
    logger.info("outcomes: %s", dict(counts))
    assert counts["refused in words"] and counts["invalid"]
    assert outcome(host, sketched()) == "success"


@pytest.fixture(scope="module")
def ready_host(stocked: Host, images: tuple[str, str]) -> Host:
    save_checkpoint(
        made_up_sketch_encoder(), stocked.base / "models" / "controlnet" / SKETCH_ENCODER
    )
    assert outcome(stocked, sketched()) == "success"
    return stocked


def test_mutated_prompts_end_in_a_result_or_in_words(ready_host: Host) -> None:
    check(ready_host, seed=1, count=FEW)


@pytest.mark.slow
def test_many_mutated_prompts_end_in_a_result_or_in_words(ready_host: Host) -> None:
    check(ready_host, seed=2, count=MANY)
