"""Preprocessing, encoders, fitting and conditions against what the official program computed.

Every case found in TOONCRAFTER_GOLDENS is run, whatever its sizes, seeds and configuration.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from golden import recipe
from golden.cases import (
    assert_close,
    encoder_configs,
    found,
    golden_id,
    load_part,
    own_goldens_only,
    read,
    resampler_config,
    weights,
)
from tooncrafter_core.conditioning.build import (
    ConditionNetworks,
    Prompts,
    build_conditions,
    keyframes_at_ends,
)
from tooncrafter_core.models.clip.encoders import ImageEncoder, TextEncoder
from tooncrafter_core.models.clip.preprocess import preprocess_for_image_encoder
from tooncrafter_core.models.clip.tokens import tokenize
from tooncrafter_core.models.projector import Resampler
from tooncrafter_core.pictures.fitting import official_resize


def build_encoders(clip: dict[str, Any]) -> tuple[ImageEncoder, TextEncoder]:
    image, text = encoder_configs(clip)
    return ImageEncoder(image, device="meta", text=text), TextEncoder(text, device="meta")


PREPROCESS_CASES = [
    pytest.param(path, case, id=f"{path.stem}-{'x'.join(map(str, case['hw']))}")
    for path in found("clip_preprocess")
    for case in json.loads(path.read_text("utf-8"))["cases"]
]


@own_goldens_only
def test_there_are_goldens_to_run() -> None:
    assert PREPROCESS_CASES
    assert found("clip_encoders")


@pytest.mark.parametrize(("path", "case"), PREPROCESS_CASES)
def test_preprocessing_matches_the_official_one(path: Path, case: dict[str, Any]) -> None:
    data, tensors = read(path)
    number, (height, width) = case["i"], case["hw"]
    if case["input"] == "stored":
        image = tensors[f"in.{number}"]
    else:
        shape = (1, 3, height, width)
        image = recipe.make_image(data["tag"], f"clip.{number}", shape) * 2 - 1
    out = preprocess_for_image_encoder(image)
    assert out.mean().item() == pytest.approx(case["mean"], abs=1e-4)
    assert out.std().item() == pytest.approx(case["std"], abs=1e-4)
    golden = tensors[f"out.{number}"]
    steps = [int(step) for step in re.findall(r"::(\d+)", case["out"])] or [1, 1]
    assert_close(out[:, :, :: steps[0], :: steps[1]], golden, data)


@pytest.mark.parametrize("path", found("clip_encoders"), ids=golden_id)
def test_image_encoder_matches_the_official_one(path: Path) -> None:
    data, tensors = read(path)
    encoder, _ = build_encoders(data["config"])
    load_part(encoder, weights({**data["image"], "tag": data["tag"]}), "embedder.model.")
    for number in range(len(data["config"]["image_sizes"])):
        tokens = encoder.encode(tensors[f"img.{number}"])
        assert_close(tokens, tensors[f"img_tokens.{number}"], data)
    assert_close(encoder.encode(torch.zeros(1, 3, 224, 224)), tensors["zero_img_tokens"], data)


@pytest.mark.parametrize("path", found("clip_encoders"), ids=golden_id)
def test_text_encoder_matches_the_official_one(path: Path) -> None:
    data, tensors = read(path)
    _, encoder = build_encoders(data["config"])
    load_part(encoder, weights({**data["text"], "tag": data["tag"]}), "cond_stage_model.model.")
    prompts = data["config"]["prompts"]
    assert torch.equal(tokenize(prompts, encoder.context_length), tensors["text_tokens"])
    assert_close(encoder.encode(prompts), tensors["text_emb"], data)


def keyframes(tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The two keyframes as ``1 3 h w`` in [-1, 1]."""
    first, last = ((tensors[name].float() / 255 - 0.5) * 2 for name in ("img1", "img2"))
    return first[None], last[None]


@pytest.mark.parametrize("path", found("e2e"), ids=golden_id)
def test_official_resize_matches_the_official_program(path: Path) -> None:
    data, tensors = read(path)
    for number, image in enumerate(keyframes(tensors), start=1):
        fitted = official_resize(image, data["case"]["W"], data["case"]["H"])
        assert_close(fitted[0], tensors[f"resized{number}"], data)


@pytest.mark.parametrize("path", found("e2e"), ids=golden_id)
def test_conditions_match_the_official_program(path: Path) -> None:
    data, tensors = read(path)
    tensors_of_parts = weights(data)
    image_encoder, text_encoder = build_encoders(data["clip"])
    resampler = resampler_config(data["resampler"])
    projector = Resampler(resampler, device="meta")
    load_part(image_encoder, tensors_of_parts, "embedder.model.")
    load_part(text_encoder, tensors_of_parts, "cond_stage_model.model.")
    load_part(projector, tensors_of_parts, "image_proj_model.")

    conditions = build_conditions(
        ConditionNetworks(text_encoder, image_encoder, projector, resampler.num_queries),
        keyframes(tensors)[0],
        keyframes_at_ends(tensors["z"][:, :, [0, -1]], data["case"]["t"]),
        Prompts(data["prompt"]),
        motion_fps=data["case"]["fs"],
        # What the official program does, without a word, for frames it was not trained on.
        token_mode="per_frame" if data["case"]["t"] == resampler.video_length else "shared",
    )
    for condition, name in zip(conditions, ("cond_context", "uncond_context"), strict=True):
        image_tokens = condition.image_tokens.flatten(1, -2)
        assert_close(torch.cat([condition.text, image_tokens], dim=1), tensors[name], data)
        assert_close(condition.keyframe_latents, tensors["concat"], data)
        assert condition.motion_fps.tolist() == [data["case"]["fs"]]
