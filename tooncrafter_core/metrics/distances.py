"""Distances between two sets of features: Frechet's, the kernel one, and that of pairs.

They compare a set of generated videos with a set of true ones; the last compares each generated
video with its own true one. With features of an I3D network they are FVD and KVD (Unterthiner et
al., 2018); with others they have other names.

Legend: n videos, d features.
"""

import torch
from torch import Tensor

from ..errors import EvaluationError

MIN_VIDEOS = 2


def frechet_distance(features: Tensor, true_features: Tensor) -> float:
    """Distance of two Gaussians with the sets' means and covariances.

    ``|m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2))``, in float64, covariances with ``n - 1``
    (Heusel et al., 2017). Shapes: ``n d`` each, n may differ. ``EvaluationError`` for fewer than
    two videos.
    """
    a, b = _check(features, true_features)
    difference = a.mean(0) - b.mean(0)
    covariance_a, covariance_b = _covariance(a), _covariance(b)
    # The root's trace is that of a symmetric matrix with the same eigenvalues.
    values, vectors = torch.linalg.eigh(covariance_a)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    of_product = torch.linalg.eigvalsh(root @ covariance_b @ root).clamp(min=0).sqrt().sum()
    distance = difference @ difference + covariance_a.trace() + covariance_b.trace()
    return max(0.0, float(distance - 2 * of_product))


def kernel_distance(features: Tensor, true_features: Tensor) -> float:
    """Squared maximum mean discrepancy with the kernel ``(x y / d + 1)^3``, unbiased.

    Binkowski et al., "Demystifying MMD GANs", 2018. May be slightly below 0 for similar sets.
    Shapes: ``n d`` each, n may differ. ``EvaluationError`` for fewer than two videos.
    """
    a, b = _check(features, true_features)
    within_a, within_b, across = _kernel(a, a), _kernel(b, b), _kernel(a, b)
    n, m = a.shape[0], b.shape[0]
    alike_a = (within_a.sum() - within_a.trace()) / (n * (n - 1))
    alike_b = (within_b.sum() - within_b.trace()) / (m * (m - 1))
    return float(alike_a + alike_b - 2 * across.mean())


def paired_distance(features: Tensor, true_features: Tensor) -> float:
    """Mean Euclidean distance between the features of each video and of its true one.

    The other two compare the distributions of the sets, this one compares video with video.
    Shapes: ``n d`` both, of the same videos in the same order. ``EvaluationError`` without videos
    or for different shapes.
    """
    if features.shape != true_features.shape:
        raise EvaluationError(
            f"A distance of pairs needs as many videos as true ones, got {tuple(features.shape)} "
            f"and {tuple(true_features.shape)}."
        )
    a, b = _check(features, true_features, fewest=1)
    return float((a - b).norm(dim=1).mean())


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / (x.shape[0] - 1)


def _check(a: Tensor, b: Tensor, fewest: int = MIN_VIDEOS) -> tuple[Tensor, Tensor]:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise EvaluationError(
            f"Two sets of features must be n d with the same d, got {tuple(a.shape)} and "
            f"{tuple(b.shape)}."
        )
    found = min(a.shape[0], b.shape[0])
    if found < fewest:
        raise EvaluationError(
            f"A distance between sets of videos needs {fewest} videos or more, got {found}."
        )
    if not (torch.isfinite(a).all() and torch.isfinite(b).all()):
        raise EvaluationError("The features of some video are not numbers.")
    return a.double(), b.double()
