"""Pixels choose together, and the nearer keyframe comes first."""

from itertools import pairwise

import torch
from torch.nn import functional as F

from tooncrafter_core.models.motion.picture_choice import (
    COARSE,
    NEARER,
    PICTURES,
    SAY,
    TOGETHER,
    choose_together,
    mean_around,
)

MIDDLE = torch.full((1,), 0.5)
SIDE = 160


def test_what_some_pixels_want_is_heard_as_far_as_the_squares_reach() -> None:
    weights = torch.zeros(1, PICTURES, SIDE, SIDE)
    weights[:, 3, 80:84, 80:84] = 1.0
    found = choose_together(weights, MIDDLE)
    assert not found[:, [0, 1, 2, 4]].any()
    reaches = [COARSE * (side // 2) for side in TOGETHER]
    # Within the smallest square all have a say, within the largest one alone, and none beyond.
    heard = [float(found[0, 3, 82, 82 + away]) for away in reaches]
    assert heard[-1] > 0
    assert all(more > 1.5 * less for more, less in pairwise(heard)), heard
    assert not found[0, 3, :, 82 + reaches[-1] + 2 * COARSE :].any()


def test_what_all_want_counts_as_much_at_the_edges() -> None:
    weights = torch.randn(1, PICTURES, 1, 1, generator=torch.Generator().manual_seed(0))
    everywhere = weights.expand(-1, -1, 24, 40)
    found = choose_together(everywhere, MIDDLE)
    torch.testing.assert_close(found, sum(SAY) * everywhere)


def test_the_nearer_keyframe_comes_first_moved_or_as_it_is() -> None:
    time = torch.tensor([0.0, 0.25, 1.0])
    found = choose_together(torch.zeros(3, PICTURES, 8, 8), time)
    for frame, sooner in enumerate((1.0, 0.5, -1.0)):
        nearer = NEARER * sooner
        wanted = torch.tensor([nearer, -nearer, nearer, -nearer, 0.0])
        torch.testing.assert_close(found[frame, :, 0, 0], wanted)


def test_a_mean_around_is_that_of_the_square_and_its_edges_go_on() -> None:
    maps = torch.randn(2, 3, 9, 12, generator=torch.Generator().manual_seed(1))
    assert torch.equal(mean_around(maps, 1), maps)
    padded = F.pad(maps, (2, 2, 2, 2), mode="replicate")
    torch.testing.assert_close(mean_around(maps, 5), F.avg_pool2d(padded, 5, 1))
