"""Distances of sets against SciPy's matrix root, plain loops and analytic values."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.metrics.distances import frechet_distance, kernel_distance, paired_distance


def two_sets(n: int = 40, m: int = 55, d: int = 6) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(1)
    mix = torch.randn(d, d, generator=chance)
    a = torch.randn(n, d, generator=chance)
    return a, torch.randn(m, d, generator=chance) @ mix + 0.5


@pytest.mark.parametrize("sizes", [(40, 55, 6), (4, 5, 12)])
def test_frechet_distance_is_that_of_scipys_matrix_root(sizes: tuple[int, int, int]) -> None:
    a, b = (x.double().numpy() for x in two_sets(*sizes))
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    difference = a.mean(0) - b.mean(0)
    expected = difference @ difference + np.trace(covariances[0] + covariances[1] - 2 * root.real)
    assert frechet_distance(*two_sets(*sizes)) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_of_one_feature_is_known() -> None:
    a, b = torch.tensor([[-1.0], [1.0]]), torch.tensor([[1.0], [5.0]])
    # Means 0 and 3, deviations sqrt(2) and sqrt(8).
    expected = 9 + (math.sqrt(2) - math.sqrt(8)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(b, b) == pytest.approx(0, abs=1e-9)


def test_kernel_distance_is_that_of_plain_loops() -> None:
    a, b = two_sets(7, 9, 4)

    def mean(x: Tensor, y: Tensor, skips_itself: bool) -> float:
        values = [
            (float(p.double() @ q.double()) / 4 + 1) ** 3
            for i, p in enumerate(x)
            for j, q in enumerate(y)
            if not (skips_itself and i == j)
        ]
        return sum(values) / len(values)

    expected = mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)
    assert kernel_distance(a, b) == pytest.approx(expected)


def test_kernel_distance_of_like_sets_is_about_nothing() -> None:
    chance = torch.Generator().manual_seed(2)
    a, b = (torch.randn(400, 8, generator=chance) for _ in range(2))
    assert abs(kernel_distance(a, b)) < 0.02 < kernel_distance(a, b + 0.5)


def test_paired_distance_asks_for_the_right_video_and_not_for_a_like_set() -> None:
    true = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert paired_distance(true, true) == 0
    exchanged = true.flip(0)
    assert paired_distance(exchanged, true) == 5
    assert frechet_distance(exchanged, true) == pytest.approx(0, abs=1e-9)
    assert paired_distance(true[:1] + 1, true[:1]) == pytest.approx(math.sqrt(2))
    with pytest.raises(EvaluationError, match="as many videos as true ones"):
        paired_distance(true[:1], true)


def test_too_few_videos_and_other_features_are_reported() -> None:
    with pytest.raises(EvaluationError, match="2 videos or more, got 1"):
        frechet_distance(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(EvaluationError, match="the same d"):
        kernel_distance(torch.zeros(4, 3), torch.zeros(4, 2))
    with pytest.raises(EvaluationError, match="not numbers"):
        kernel_distance(torch.full((4, 3), torch.nan), torch.zeros(4, 3))
