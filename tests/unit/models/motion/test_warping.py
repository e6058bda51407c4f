"""Moving pictures by flow, sharply and not."""

import math

import pytest
import torch
from torch import Tensor

from support.networks import deviation, normal
from tooncrafter_core.models.motion.warping import warp

HEIGHT, WIDTH = 9, 32


def to_the_right(cells: float) -> Tensor:
    """Flow that fetches what lies so many cells to the right."""
    return torch.tensor([cells, 0.0]).view(1, 2, 1, 1).expand(1, 2, HEIGHT, WIDTH)


@pytest.mark.parametrize("is_sharp", [False, True])
def test_whole_cells_are_fetched_as_they_are(is_sharp: bool) -> None:
    pictures = normal(1, 3, HEIGHT, WIDTH, seed=4)
    moved = warp(pictures, to_the_right(5), is_sharp)
    assert deviation(moved[..., :-5], pictures[..., 5:]) < 1e-5
    edge = pictures[..., -1:].expand(-1, -1, -1, 5)
    assert deviation(moved[..., -5:], edge) < 1e-5


def test_cubics_keep_more_of_a_fine_texture() -> None:
    def waves(shift: float) -> Tensor:
        line = torch.cos(2 * math.pi * (torch.arange(WIDTH) + shift) / 4)
        return line.expand(1, 1, HEIGHT, WIDTH)

    inner = (..., slice(3, -3))
    errors = [
        deviation(warp(waves(0), to_the_right(0.5), is_sharp)[inner], waves(0.5)[inner])
        for is_sharp in (False, True)
    ]
    assert errors[1] < 0.7 * errors[0]
