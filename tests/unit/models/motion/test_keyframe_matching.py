"""Pairs of cells that belong together, and what they show on their way."""

import torch
from torch import Tensor

from support.networks import by_likeness_alone, deviation, normal
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.motion.keyframe_matching import FARTHEST, KeyframeMatching
from tooncrafter_core.models.motion.keyframe_warp import KeyframeWarp


def matching() -> KeyframeMatching:
    """As it begins."""
    network = KeyframeMatching(4, TORCH_OPERATIONS)
    network.init_weights(torch.Generator().manual_seed(3))
    return network


@torch.no_grad()
def alike() -> KeyframeMatching:
    """One for which the likeness of bare latents alone counts."""
    return by_likeness_alone(KeyframeMatching(4, TORCH_OPERATIONS))


def shifted(right: int, down: int) -> tuple[Tensor, Tensor]:
    """Two keyframes ``1 4 8 16``, everything of the one moved in the other."""
    world = 3 * normal(1, 4, 24, 40, seed=6)
    return world[..., 8:16, 12:28], world[..., 8 - down : 16 - down, 12 - right : 28 - right]


@torch.no_grad()
def test_what_moves_evenly_is_found_on_its_way() -> None:
    first, last = shifted(4, -2)
    found = alike()(first, last, 3)
    assert found.latents.shape == (1, 4, 3, 8, 16)
    # In the middle it has gone half of the way; past the edges nothing can be known.
    assert deviation(found.latents[:, :, 1, 2:-2, 4:-4], first[..., 3:-1, 2:-6]) < 1e-3
    assert deviation(found.latents[:, :, 0, 2:, :-4], first[..., 2:, :-4]) < 1e-3
    assert deviation(found.latents[:, :, 2, :-2, 4:], last[..., :-2, 4:]) < 1e-3
    way = found.way[:, :, 1, 2:-2, 4:-4]
    assert deviation(way, torch.tensor([4.0, -2.0]).view(1, 2, 1, 1).expand_as(way)) < 1e-3
    assert found.certainty[:, :, 1, 2:-2, 4:-4].min() > 0.99


@torch.no_grad()
def test_what_stands_still_stays() -> None:
    first, last = shifted(0, 0)
    found = alike()(first, last, 5)
    assert deviation(found.latents, first.unsqueeze(2).expand_as(found.latents)) < 1e-3
    assert found.way.abs().max() < 1e-2


@torch.no_grad()
def test_a_way_longer_than_the_farthest_is_not_found() -> None:
    down = FARTHEST[1] + 1
    world = 3 * normal(1, 4, 40, 16, seed=6)
    first, last = world[..., 15:30, :], world[..., 15 - down : 30 - down, :]
    found = alike()(first, last, 3)
    half = down // 2
    assert deviation(found.latents[:, :, 1, half:], first[..., :-half, :]) > 0.1
    assert found.way[:, 1].abs().max() <= FARTHEST[1]


def test_every_weight_learns() -> None:
    network = matching()
    # The blocks begin with zeros at their ends, behind which nothing learns in the first step.
    for block in network.blocks:
        torch.nn.init.normal_(block[-1].weight, std=0.1)
    found = network(*shifted(1, 0), 4)
    (found.latents.square().mean() + found.way.mean()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@torch.no_grad()
def test_flow_moves_the_keyframes_and_leaves_the_ends_alone() -> None:
    network = KeyframeWarp(8, 16, 4, TORCH_OPERATIONS)
    network.init_weights(torch.Generator().manual_seed(0))
    first, last = shifted(0, 0)
    x = torch.cat([torch.zeros_like(first), first, first, last], dim=1)
    x = x.unsqueeze(2).repeat(1, 1, 3, 1, 1)
    moved = network.look(x)
    assert not moved.features.any()
    network.shares[-1].bias[16:20] = 1.0
    # From a cell further right, by as many as the first keyframe's time is away.
    network.flow.bias[:4] = torch.tensor([1.0, 0.0, -1.0, 0.0])
    found = network(torch.zeros(3, 8, 8, 16), torch.zeros(1, 16), moved)
    assert deviation(found[:, :, 0], first) < 1e-4
    assert deviation(found[:, :, 2], last) < 1e-4
    middle = (first[..., 4:-2] + last[..., :-6]) / 2
    assert deviation(found[:, :, 1, :, 2:-4], middle) < 0.02
