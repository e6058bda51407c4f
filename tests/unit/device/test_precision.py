"""Half precision against float32, from keyframes to frames, over whole runs of 50 steps."""

import pytest
import torch
from torch import Tensor

from benchmarks._learned import psnr
from benchmarks._results import Report
from benchmarks.precision import LIMIT, tiny_study
from support.networks import normal
from support.tiny import STEADY
from tooncrafter_core.checkpoints import build_models
from tooncrafter_core.checkpoints.synthetic import made_up_checkpoint
from tooncrafter_core.interpolation.pipeline import interpolate
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes

FIRST, LAST = (normal(3, 64, 64, seed=seed).clamp(-1, 1) for seed in (1, 2))


def drawn(dtype: torch.dtype) -> Tensor:
    """A clip at eta 1; guidance would let made-up weights amplify any rounding without bounds."""
    settings = InterpolationSettings(
        width=64, height=64, num_frames=2, steps=50, guidance_scale=1.0
    )
    return interpolate(
        build_models(made_up_checkpoint(STEADY), dtype), Keyframes.at_ends(FIRST, LAST), settings
    )


def test_half_precision_draws_the_frames_of_float32() -> None:
    expected = drawn(torch.float32)
    assert psnr(drawn(torch.float16), expected) > LIMIT
    assert psnr(drawn(torch.bfloat16), expected) > LIMIT


@pytest.mark.slow
@torch.no_grad()
def test_a_denoiser_that_has_learned_keeps_its_frames_under_guidance() -> None:
    assert list(tiny_study(Report(None))) == []
