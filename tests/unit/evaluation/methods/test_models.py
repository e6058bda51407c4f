"""A ToonCrafter checkpoint as a method: tiny, with made-up weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tooncrafter_core.checkpoints import Models, build_models
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.evaluation.methods.models import Interpolator, variants
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.session import Session
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.metrics.metric import Clip
from tooncrafter_core.models.autoencoder.ablation import (
    without_mixing_over_time,
    without_references,
)
from tooncrafter_core.pictures.keyframes import Keyframes

MakeClip = Callable[..., Tensor]
CLIP = Clip("slow", Path("slow"), "a ball rolls")
SETTINGS = InterpolationSettings(steps=1, token_mode="shared")


@pytest.fixture(scope="module")
def models() -> Models:
    return build_models(made_up_checkpoint(TINY))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    path.write_bytes(b"described, not read")
    return path


def test_the_model_draws_what_the_pipeline_draws(
    models: Models, file: Path, make_clip: MakeClip
) -> None:
    truth = make_clip(4, 64, 64)
    peer = Interpolator("ours", file, Session.of(models), SETTINGS)
    made = peer(truth[0], truth[-1], 4, CLIP)
    asked = InterpolationSettings(
        steps=1, token_mode="shared", prompt="a ball rolls", width=64, height=64, num_frames=4
    )
    expected = interpolate(models, Keyframes.at_ends(truth[0], truth[-1]), asked)[0].movedim(1, 0)
    assert torch.equal(made, expected)
    assert "tiny.safetensors" in peer.weights and "1 steps, guidance 7.5" in peer.weights


def test_the_plain_decoder_sees_no_references(
    models: Models, file: Path, make_clip: MakeClip
) -> None:
    truth = make_clip(4, 64, 64)
    full, plain = (
        Interpolator("ours", file, Session.of(models), SETTINGS, is_plain)(
            truth[0], truth[-1], 4, CLIP
        )
        for is_plain in (False, True)
    )
    assert not torch.allclose(full, plain)


def test_reconstruction_has_a_row_for_each_part(
    models: Models, file: Path, make_clip: MakeClip
) -> None:
    truth = make_clip(4, 72, 64)
    rows = variants("ours", file, Session.of(models))
    assert [row.name for row in rows] == [
        "ours",
        "ours, without P3D",
        "ours, without HAR and P3D",
    ]
    before = {key: value.clone() for key, value in models.autoencoder.state_dict().items()}
    made = [row.reconstruct(truth) for row in rows]
    assert {video.shape for video in made} == {truth.shape}
    assert not torch.allclose(made[0], made[1]) and not torch.allclose(made[1], made[2])
    after = models.autoencoder.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


@torch.no_grad()
def test_frames_do_not_touch_each_other_without_har_and_p3d(models: Models) -> None:
    autoencoder = models.autoencoder
    z = torch.randn(1, 4, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    with without_references(autoencoder), without_mixing_over_time(autoencoder):  # type: ignore[arg-type]
        whole = autoencoder.decode(z)
        alone = autoencoder.decode(z[:, :, 1:2])
    assert torch.allclose(whole[:, :, 1:2], alone, atol=1e-5)
    assert not torch.allclose(autoencoder.decode(z)[:, :, 1:2], alone, atol=1e-3)
