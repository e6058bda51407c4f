"""Which flow a frame takes, and what its pixels are made of, before anything is learnt."""

import torch
from torch import Tensor

from support.networks import by_likeness_alone, deviation, normal
from tooncrafter_core.models.reference_warp import FLOW, ReferenceWarp, WarpState
from tooncrafter_core.operations import TORCH_OPERATIONS

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
    assert (found[:, STILL].amin(1) > found[:, MOVED].amax(1)).all()
    assert (found[:, STILL].amin(1) > found[:, DRAWN]).all()


def test_what_neither_keyframe_explains_is_drawn() -> None:
    latents = pan(0)
    latents[2, :, 2:6, 8:14] = 9 * normal(4, 4, 6, seed=9)
    _, found = maps(latents)
    there = found[2, :, 3:5, 10:12]
    assert (there[DRAWN] > there[FLOW:DRAWN].amax(0)).all()
    elsewhere = found[2, :, :, :5]
    assert (elsewhere[STILL].amin(0) > elsewhere[DRAWN]).all()
