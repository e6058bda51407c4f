"""Encoder, references and dual-reference decoder against the official autoencoder."""

from typing import Any

import pytest
from einops import rearrange
from torch import Tensor

from golden.cases import (
    assert_close,
    autoencoder_config,
    found,
    golden_id,
    load_part,
    own_goldens_only,
    read,
    weights,
)
from tooncrafter_core.models.autoencoder.autoencoder import Autoencoder, references_from

Case = tuple[dict[str, Any], dict[str, Tensor], Autoencoder]


@own_goldens_only
def test_there_are_goldens_to_run() -> None:
    assert len(found("vae_")) >= 2


@pytest.fixture(scope="module", params=found("vae_"), ids=golden_id)
def case(request: pytest.FixtureRequest) -> Case:
    data, tensors = read(request.param)
    autoencoder = Autoencoder(autoencoder_config(data["config"]), device="meta")
    return data, tensors, load_part(autoencoder, weights(data), "first_stage_model.")


def test_encoder_matches_the_official_one(case: Case) -> None:
    data, tensors, autoencoder = case
    posterior = autoencoder.encode(rearrange(tensors["video"], "b c t h w -> (b t) c h w"))
    assert_close(posterior.mean, tensors["mean"], data)
    assert_close(posterior.log_variance, tensors["logvar"], data)
    assert_close(posterior.sample(tensors["noise"]), tensors["z_sample"], data)


def test_two_encoded_frames_are_enough_for_the_references(case: Case) -> None:
    data, tensors, autoencoder = case
    video = tensors["video"]
    keyframes = rearrange(video[:, :, [0, -1]], "b c r h w -> (b r) c h w")
    posterior = autoencoder.encode(keyframes)
    for number, reference in enumerate(references_from(posterior.features, video.shape[0])):
        assert_close(reference, tensors[f"ref_context.{number}"], data, f"reference {number}")


@pytest.mark.parametrize("chunk", [1, 2, 4, 16])
@pytest.mark.parametrize("has_references", [True, False], ids=["references", "no-references"])
def test_decoder_matches_the_official_one(case: Case, chunk: int, has_references: bool) -> None:
    data, tensors, autoencoder = case
    batch = tensors["video"].shape[0]
    z = rearrange(tensors["z_sample"], "(b t) c h w -> b c t h w", b=batch)
    count = sum(key.startswith("ref_context.") for key in tensors)
    references = [tensors[f"ref_context.{number}"] for number in range(count)]
    video = autoencoder.decode(z, references if has_references else None, chunk)
    golden = tensors["decoded" if has_references else "decoded_noref"]
    assert_close(rearrange(video, "b c t h w -> (b t) c h w"), golden, data)
