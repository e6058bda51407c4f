"""A GPU draws what the CPU draws, whole or in small pieces, and in half precision nearly so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from einops import rearrange
from torch import Tensor

from support.networks import normal
from support.tiny import tiny_models
from tooncrafter_core.checkpoints import Models, build_models, detect, read_checkpoint
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.config.embedded import MINI, embedded_file, mini_settings
from tooncrafter_core.device.precision import inference_dtypes
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.metrics.pixels import psnr
from tooncrafter_core.pictures.keyframes import Keyframes
from tooncrafter_core.pictures.stills import read_image

pytestmark = pytest.mark.gpu

IMAGES = Path(__file__).parents[2] / "docs" / "images"
FIRST, LAST = normal(3, 70, 90, seed=1).clamp(-1, 1), normal(3, 64, 64, seed=2).clamp(-1, 1)
QUICK = InterpolationSettings(width=64, height=64, num_frames=4, steps=2, guidance_scale=2.0)
"""Guided little: made-up weights under the published guidance enlarge an error a thousandfold."""

SAME = 1e-3
"""Of values in [-1, 1]: what another order of sums may do to a short run."""
NEAR_HALF = 45.0
"""Decibels to float32 that half precision must keep; ``benchmarks/README.md``."""
MINI_NEAR = 35.0
"""Decibels; its flow may move a pixel by a fraction, which edges show."""


def worst_psnr(video: Tensor, truth: Tensor) -> float:
    """Decibels of the worst frame, of videos 1 3 t h w."""
    frames = (rearrange(x.cpu(), "1 c t h w -> t c h w") for x in (video, truth))
    return float(psnr(*frames).min())


def draw(models: Models, device: torch.device | None = None, **changes: Any) -> Tensor:
    return interpolate(
        models, Keyframes.at_ends(FIRST, LAST), replace(QUICK, **changes), device=device
    ).cpu()


@pytest.fixture(scope="module")
def on_gpu(device: torch.device) -> Models:
    """The tiny model on the GPU, in float32."""
    return build_models(made_up_checkpoint(), torch.float32, device)


@pytest.mark.parametrize(
    "changes",
    [{}, {"batch_guidance": True}, {"num_frames": 7}, {"solver": "dpmpp_2m"}, {"eta": 0.0}],
    ids=str,
)
def test_the_same_seed_gives_the_same_frames_as_on_the_cpu(
    on_gpu: Models, changes: dict[str, Any]
) -> None:
    torch.testing.assert_close(
        draw(on_gpu, **changes), draw(tiny_models(), **changes), atol=SAME, rtol=0
    )


def test_another_seed_gives_other_frames(on_gpu: Models) -> None:
    assert (draw(on_gpu, seed=7) - draw(on_gpu)).abs().max() > 100 * SAME


def test_networks_that_visit_the_gpu_draw_what_those_that_live_there_draw(
    on_gpu: Models, device: torch.device
) -> None:
    visited = draw(tiny_models(), device)
    torch.testing.assert_close(visited, draw(on_gpu), atol=SAME, rtol=0)
    assert next(tiny_models().denoiser.parameters()).device.type == "cpu"


def test_float16_draws_nearly_what_float32_draws(on_gpu: Models, device: torch.device) -> None:
    half = build_models(made_up_checkpoint(), torch.float16, device)
    video = draw(half, steps=4)
    assert video.isfinite().all() and video.dtype == torch.float32
    found = worst_psnr(video, draw(on_gpu, steps=4))
    assert found > NEAR_HALF, f"{found:.1f} dB"


def test_the_mini_model_draws_in_half_precision_what_it_draws_on_the_cpu(
    device: torch.device,
) -> None:
    path = embedded_file(MINI)
    assert path is not None
    first, last = (read_image(IMAGES / f"tooncrafter_{name}.png") for name in ("first", "last"))
    settings = InterpolationSettings(**{**mini_settings(), "num_frames": 8})
    expected = interpolate(
        build_models(read_checkpoint(path), torch.float32), Keyframes.at_ends(first, last), settings
    )
    checkpoint = read_checkpoint(path)
    half = build_models(checkpoint, inference_dtypes(detect(checkpoint))[0], device)
    video = interpolate(half, Keyframes.at_ends(first, last), settings)
    assert video.shape == expected.shape and video.isfinite().all()
    found = worst_psnr(video, expected)
    assert found > MINI_NEAR, f"{found:.1f} dB"
