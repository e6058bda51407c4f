"""PSNR and SSIM of a video against the true one, frame by frame.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

import torch
from einops import reduce
from torch import Tensor

from ..errors import EvaluationError
from .metric import check_pair

VALUE_RANGE = 2.0
PSNR_LIMIT = 60.0
"""Decibels of equal frames, so that means stay finite; about the error of rounding to 8 bits."""

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_CONSTANTS = (0.01, 0.03)


def psnr(video: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels, of each frame.

    Shapes: both ``t 3 h w``; the result is ``t``, at most 60. ``EvaluationError`` for videos that
    cannot be compared.
    """
    check_pair(video, truth)
    error = reduce((video.double() - truth.double()) ** 2, "t c h w -> t", "mean")
    return (10 * torch.log10(VALUE_RANGE**2 / error)).clamp(max=PSNR_LIMIT)


def ssim(video: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of each frame, mean of the three colours.

    Wang et al., "Image Quality Assessment", 2004: a Gaussian window of 11 pixels with sigma 1.5,
    constants 0.01 and 0.03, only where the window fits. Shapes: both ``t 3 h w``; the result is
    ``t``, at most 1. ``EvaluationError`` for videos that cannot be compared or are smaller than
    the window.
    """
    check_pair(video, truth)
    if min(video.shape[-2:]) < SSIM_WINDOW:
        raise EvaluationError(
            f"SSIM looks through a window of {SSIM_WINDOW} pixels; the video is only "
            f"{video.shape[3]}x{video.shape[2]}."
        )
    scores = [_ssim_of_frame(*pair) for pair in zip(video.float(), truth.float(), strict=True)]
    return torch.stack(scores)


def _ssim_of_frame(a: Tensor, b: Tensor) -> Tensor:
    """``c h w`` twice, to one number."""
    c1, c2 = ((k * VALUE_RANGE) ** 2 for k in SSIM_CONSTANTS)
    mean_a, mean_b, square_a, square_b, product = _blur(torch.stack([a, b, a * a, b * b, a * b]))
    variance_a, variance_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    most = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return (likeness / most).mean()


def _blur(x: Tensor) -> Tensor:
    """Gaussian means of ``n c h w`` where the whole window fits.

    Sums of shifted pictures: on a CPU five times as fast as a convolution of one channel.
    """
    offsets = torch.arange(SSIM_WINDOW, dtype=torch.float64) - SSIM_WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    weights = (weights / weights.sum()).tolist()
    width, height = (side - SSIM_WINDOW + 1 for side in (x.shape[-1], x.shape[-2]))
    along_rows = x.new_zeros(*x.shape[:-1], width)
    blurred = x.new_zeros(*x.shape[:-2], height, width)
    for index, weight in enumerate(weights):
        along_rows.add_(x[..., index : index + width], alpha=weight)
    for index, weight in enumerate(weights):
        blurred.add_(along_rows[..., index : index + height, :], alpha=weight)
    return blurred
