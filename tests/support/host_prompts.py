"""Prompts for a running ComfyUI: the basic graph of this pack, with changes by node and input."""

from typing import Any

from comfyui.host import Prompt
from support.model_files import FULL

LOAD, POSITIVE, NEGATIVE, FIRST, LAST, KEYFRAMES, SAMPLER, DECODE, SAVE = map(str, range(1, 10))


def interpolation(first: str, last: str, **changes: dict[str, Any]) -> Prompt:
    """Two pictures of the input folder to saved frames, small and quick.

    Changes name a node in small letters and its inputs: ``sampler={"seed": 3}``.
    """
    prompt = {
        LOAD: node(
            "ToonCrafterLoader",
            checkpoint=FULL, text_encoder="none", image_encoder="none", weight_dtype="fp32",
        ),
        POSITIVE: node("CLIPTextEncode", clip=[LOAD, 1], text="an anime scene"),
        NEGATIVE: node("CLIPTextEncode", clip=[LOAD, 1], text=""),
        FIRST: node("LoadImage", image=first),
        LAST: node("LoadImage", image=last),
        KEYFRAMES: node(
            "ToonCrafterKeyframes",
            positive=[POSITIVE, 0], negative=[NEGATIVE, 0], clip_vision=[LOAD, 2], vae=[LOAD, 3],
            first_image=[FIRST, 0], last_image=[LAST, 0],
            width=64, height=64, frames=4, motion_fps=10, fit="crop", seed=123,
        ),
        SAMPLER: node(
            "ToonCrafterSampler",
            model=[LOAD, 0], positive=[KEYFRAMES, 0], negative=[KEYFRAMES, 1],
            latent=[KEYFRAMES, 2], seed=123, steps=3, cfg=7.5, eta=1.0, guidance_rescale=0.7,
        ),
        DECODE: node(
            "ToonCrafterDecode",
            vae=[LOAD, 3], latent=[SAMPLER, 0], first_image=[FIRST, 0], last_image=[LAST, 0],
            second_pass=True, memory_budget=0,
        ),
        SAVE: node("SaveImage", images=[DECODE, 0], filename_prefix="frames"),
    }  # fmt: skip
    ids = {"load": LOAD, "positive": POSITIVE, "negative": NEGATIVE, "first": FIRST, "last": LAST,
           "keyframes": KEYFRAMES, "sampler": SAMPLER, "decode": DECODE, "save": SAVE}  # fmt: skip
    for name, inputs in changes.items():
        prompt[ids[name]]["inputs"] |= inputs
    return prompt


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    """One node of a prompt."""
    return {"class_type": class_type, "inputs": inputs}
