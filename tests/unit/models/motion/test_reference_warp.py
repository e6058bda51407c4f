"""Which flow a frame takes, and what its pixels are made of, before anything is learnt."""

import torch
from torch import Tensor

from support.networks import by_likeness_alone, deviation, normal
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.motion.flow_maps import EVENED, FLOW, evened
from tooncrafter_core.models.motion.reference_warp import ReferenceWarp, WarpState

FRAMES, HEIGHT, WIDTH = 5, 8, 20
MOVED, STILL, DRAWN = slice(FLOW, FLOW + 2), slice(FLOW + 2, FLOW + 4), FLOW + 4


@torch.no_grad()
def warp() -> ReferenceWarp:
    """One whose keyframes are matched by the likeness of bare latents alone."""
    network = ReferenceWarp(4, [8, 8, 8, 8], 3, TORCH_OPERATIONS)
    network.init_weights()
    by_likeness_alone(network.keyframe_matching)
    return network


def pan(per_frame: int) -> Tensor:
    """``t 4 h w`` in which everything goes right, so many cells a frame."""
    world = 3 * normal(4, HEIGHT, 60, seed=6)
    starts = [20 - per_frame * t for t in range(FRAMES)]
    return torch.stack([world[..., start : start + WIDTH] for start in starts])


@torch.no_grad()
def maps(latents: Tensor) -> tuple[WarpState, Tensor]:
    network = warp()
    state = network.begin(latents, [torch.zeros(3, 2, HEIGHT * 8, WIDTH * 8)])
    return state, network._likeliest(state, 0, FRAMES)


def test_flow_of_a_pan_leads_to_both_keyframes() -> None:
    state, found = maps(pan(1))
    inner = (slice(None), slice(None), slice(1, -1), slice(6, -6))
    for frame in range(FRAMES):
        expected = torch.tensor([-frame, 0, FRAMES - 1 - frame, 0], dtype=torch.float32)
        flow = found[frame, :FLOW][None][inner]
        assert deviation(flow, expected.view(1, FLOW, 1, 1).expand_as(flow)) < 0.05
        even = state.even[frame].flatten(0, 1)[None][inner]
        assert deviation(even, flow) < 0.05
    # It explains the frames between; the keyframes as they are do not, nor better what is drawn.
    middle = found[2][None][inner]
    assert (middle[:, MOVED] > middle[:, STILL].amax(1, keepdim=True)).all()
    assert (middle[:, MOVED].amax(1) > middle[:, DRAWN]).all()


def test_what_stands_still_is_taken_from_where_it_is() -> None:
    _, found = maps(pan(0))
    assert found[:, :FLOW].abs().max() < 1e-3
    assert (found[:, STILL] > found[:, MOVED]).all()
    assert (found[:, STILL].amax(1) > found[:, DRAWN]).all()


def test_the_nearer_keyframe_counts_more() -> None:
    _, found = maps(pan(0))
    for pair in (MOVED, STILL):
        ahead = found[:, pair].diff(dim=1).mean((1, 2, 3))
        assert (ahead.diff() > 0).all() and ahead[0] < -2 and ahead[-1] > 2
        assert abs(float(ahead[FRAMES // 2])) < 1e-3


def test_what_neither_keyframe_explains_is_drawn() -> None:
    latents = pan(0)
    latents[2, :, 2:6, 8:14] = 9 * normal(4, 4, 6, seed=9)
    _, found = maps(latents)
    there = found[2, :, 3:5, 10:12]
    assert (there[DRAWN] > there[FLOW:DRAWN].amax(0)).all()
    elsewhere = found[2, :, :, :5]
    assert (elsewhere[STILL].amax(0) > elsewhere[DRAWN]).all()


def test_what_moves_together_is_moved_alike_and_what_stands_still_has_no_say() -> None:
    # A square that goes right before a still ground, found unevenly.
    flow, shares = torch.zeros(2, 4, 80, 128), torch.zeros(2, 1, 80, 128)
    square = (slice(None), slice(None), slice(30, 50), slice(80, 100))
    flow[square] = 6 + normal(2, 4, 20, 20, seed=3)
    shares[square] = 0.9
    found = evened(flow, shares)
    # The ground counts a little for each of its many pixels.
    assert (found[square] - 6).abs().max() < 0.6
    assert (found[square] - 6).abs().max() < 0.3 * (flow[square] - 6).abs().max()
    far = 2 * (EVENED // 2) + 1
    assert found[..., : 80 - far].abs().max() < 1e-3


def test_even_flow_stays_as_it_is() -> None:
    flow = torch.tensor([3.0, -1.0, 2.0, 0.5]).view(1, 4, 1, 1).expand(1, 4, 40, 48)
    shares = normal(1, 1, 40, 48, seed=8).sigmoid()
    assert deviation(evened(flow, shares), flow) < 1e-4
