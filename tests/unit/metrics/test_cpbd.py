"""CPBD on edges of known width, and falling with blur."""

from collections.abc import Callable

import kornia
import numpy as np
import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.metrics.cpbd import cpbd, edge_widths


def ramp(width: int, rising: bool = True) -> np.ndarray:
    """A picture that goes from dark to bright within ``width`` steps, ``16 64`` in 0..255."""
    row = np.clip((np.arange(64) - 30) / width, 0, 1) * 200
    return np.tile(row if rising else row[::-1], (16, 1))


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("width", [2, 4, 8])
def test_an_edge_is_as_wide_as_its_ramp(width: int, rising: bool) -> None:
    widths = edge_widths(ramp(width, rising))
    assert np.unique(widths[widths > 0]).tolist() == [width]


def test_a_step_has_the_least_width() -> None:
    widths = edge_widths(ramp(1))
    assert np.unique(widths[widths > 0]).tolist() == [2]
    assert (widths > 0).sum() == 16


def test_sharpness_falls_with_blur(make_clip: Callable[..., Tensor]) -> None:
    frames = make_clip(3, 192, 128)
    scores = [cpbd(frames).mean().item()]
    for sigma in (0.35, 0.5, 0.7, 1.0, 3.0):
        blurred = kornia.filters.gaussian_blur2d(frames, (19, 19), (sigma, sigma))
        scores.append(cpbd(blurred).mean().item())
    assert scores[0] > 0.9
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.05


def test_a_picture_without_edges_has_none_that_are_sharp() -> None:
    assert cpbd(torch.zeros(2, 3, 64, 64)).tolist() == [0.0, 0.0]


def test_pictures_smaller_than_a_block_are_reported() -> None:
    with pytest.raises(EvaluationError, match="blocks of 64"):
        cpbd(torch.zeros(3, 3, 48, 80))
