"""PSNR and SSIM against analytic values and against scikit-image's."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.metrics.pixels import PSNR_LIMIT, psnr, ssim

SCIKIT_IMAGE = {"ssim": 0.8239510723455616, "psnr": 22.15863334336816}
"""scikit-image 0.26.0 on the two patterns: Gaussian weights, population covariance, range 2."""


def patterns() -> tuple[Tensor, Tensor]:
    ys, xs = np.mgrid[0:40, 0:56]
    a = np.stack([np.sin(xs / 5), np.cos(ys / 7), np.sin((xs + ys) / 9)])
    b = np.clip(0.8 * a + 0.1 * np.cos(xs * ys / 11), -1, 1)
    return torch.from_numpy(a[None]), torch.from_numpy(b[None])


def test_psnr_and_ssim_are_those_of_scikit_image() -> None:
    a, b = patterns()
    assert psnr(b, a).item() == pytest.approx(SCIKIT_IMAGE["psnr"], abs=1e-9)
    assert ssim(b, a).item() == pytest.approx(SCIKIT_IMAGE["ssim"], abs=1e-5)


def test_psnr_of_a_known_error() -> None:
    truth = torch.zeros(2, 3, 8, 8)
    video = truth.clone()
    video[0] += 0.2
    assert psnr(video, truth).tolist() == pytest.approx([10 * math.log10(4 / 0.04), PSNR_LIMIT])


def test_ssim_of_flat_pictures_is_their_brightness_term() -> None:
    a, b = torch.full((1, 3, 16, 16), 0.5), torch.full((1, 3, 16, 16), -0.25)
    c1 = (0.01 * 2) ** 2
    expected = (2 * 0.5 * -0.25 + c1) / (0.5**2 + 0.25**2 + c1)
    assert ssim(a, b).item() == pytest.approx(expected, abs=1e-4)
    assert ssim(a, a).item() == pytest.approx(1.0, abs=1e-6)


def test_frames_are_measured_one_by_one_and_left_alone(make_clip: Callable[..., Tensor]) -> None:
    truth = make_clip()
    video = truth.flip(0)
    before = video.clone()
    assert torch.equal(ssim(video, truth)[2:3], ssim(video[2:3], truth[2:3]))
    assert torch.equal(psnr(video, truth)[2:3], psnr(video[2:3], truth[2:3]))
    assert torch.equal(video, before)


def test_ssim_refuses_pictures_smaller_than_its_window() -> None:
    with pytest.raises(EvaluationError, match="window of 11"):
        ssim(torch.zeros(3, 3, 8, 8), torch.zeros(3, 3, 8, 8))
