"""CLIP_img and CLIP_txt equal open_clip's own towers, from checkpoints and from files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tooncrafter_core.checkpoints import Checkpoint, save_checkpoint
from tooncrafter_core.checkpoints.load_clip import load_clip_model
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.errors import CheckpointError, EvaluationError
from tooncrafter_core.metrics.clip_similarity import clip_image_similarity, clip_text_similarity
from tooncrafter_core.models.clip.encoders import _text_tower
from tooncrafter_core.models.clip.preprocess import preprocess_for_image_encoder
from tooncrafter_core.models.clip.tokens import tokenize

MakeClip = Callable[..., Tensor]
TEXT, IMAGE = "cond_stage_model.model.", "embedder.model."


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "tiny.safetensors"
    save_checkpoint(made_up_checkpoint(TINY), path, config=TINY)
    return path


def test_image_similarity_is_the_cosine_of_open_clips_embeddings(
    checkpoint: Path, make_clip: MakeClip
) -> None:
    clip_model = load_clip_model(checkpoint)
    truth, video = make_clip(), make_clip().flip(0)
    visual = clip_model.image_encoder.visual
    a, b = (visual(preprocess_for_image_encoder(v)) for v in (truth, video))
    expected = F.cosine_similarity(a, b)
    assert torch.allclose(clip_image_similarity(video, truth, clip_model), expected, atol=1e-5)
    assert torch.allclose(clip_image_similarity(truth, truth, clip_model), torch.ones(6))


def test_text_similarity_is_the_cosine_of_open_clips_embeddings(
    checkpoint: Path, make_clip: MakeClip
) -> None:
    clip_model = load_clip_model(checkpoint)
    assert clip_model.text_encoder is not None and TINY.text_encoder is not None
    tower = _text_tower(TINY.text_encoder).eval()
    tensors = clip_model.text_encoder.state_dict()
    tower.load_state_dict({k: v for k, v in tensors.items() if k != "logit_scale"}, strict=False)
    prompt = "a ball rolls"
    with torch.no_grad():
        text = tower(tokenize([prompt]))
        image = clip_model.image_encoder.visual(preprocess_for_image_encoder(make_clip()))
    expected = F.cosine_similarity(image, text)
    found = clip_text_similarity(make_clip(), prompt, clip_model)
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_file_of_the_towers_alone_serves_as_well(checkpoint: Path, tmp_path: Path) -> None:
    whole = made_up_checkpoint(TINY)
    own = {key.removeprefix(TEXT): whole[key] for key in whole if key.startswith(TEXT)}
    visual = {
        key.removeprefix(IMAGE): whole[key] for key in whole if key.startswith(IMAGE + "visual.")
    }
    path = tmp_path / "clip.safetensors"
    save_checkpoint(Checkpoint.from_tensors({**own, **visual}, name="clip"), path)
    frames = torch.zeros(1, 3, 32, 32)
    a, b = (load_clip_model(p) for p in (checkpoint, path))
    assert torch.equal(a.embed_images(frames), b.embed_images(frames))
    assert torch.equal(a.embed_prompts(["a"]), b.embed_prompts(["a"]))


def test_missing_towers_are_named(tmp_path: Path, make_clip: MakeClip) -> None:
    pruned = replace(TINY, text_encoder=None, image_encoder=None)
    path = tmp_path / "pruned.safetensors"
    save_checkpoint(made_up_checkpoint(pruned), path, config=pruned)
    with pytest.raises(CheckpointError, match=r"pruned\.safetensors' holds no CLIP image"):
        load_clip_model(path)


def test_a_text_encoder_without_its_last_layer_is_not_used(
    checkpoint: Path, make_clip: MakeClip
) -> None:
    clip_model = replace(load_clip_model(checkpoint), text_encoder=None)
    with pytest.raises(CheckpointError, match=r"tiny\.safetensors has no whole CLIP text encoder"):
        clip_text_similarity(make_clip(), "a ball", clip_model)
    with pytest.raises(EvaluationError, match="differ in length"):
        clip_image_similarity(make_clip(), make_clip()[:3], clip_model)
