"""Sketched frames as keyframes: what lies between them follows."""

import torch
from torch import Tensor

from support.networks import by_likeness_alone, deviation, normal
from tooncrafter_core.layers.operations import TORCH_OPERATIONS
from tooncrafter_core.models.motion.keyframe_matching import KeyframeMatching
from tooncrafter_core.models.motion.sketched_frames import follow_sketches

FRAMES, HEIGHT, WIDTH = 9, 8, 16


def matching() -> KeyframeMatching:
    return by_likeness_alone(KeyframeMatching(4, TORCH_OPERATIONS))


def scene(right: int) -> Tensor:
    """``1 4 h w``: everything has gone so many cells to the right."""
    return 3 * normal(1, 4, HEIGHT, 40, seed=5)[..., 12 - right : 28 - right]


def known(**frames: Tensor) -> Tensor:
    """``t 5 h w`` of frames such as ``f4``, sure everywhere."""
    sketched = torch.zeros(FRAMES, 5, HEIGHT, WIDTH)
    for name, picture in frames.items():
        sketched[int(name[1:])] = torch.cat([picture[0], torch.ones(1, HEIGHT, WIDTH)])
    return sketched


def own() -> tuple[Tensor, Tensor]:
    return normal(1, 4, FRAMES, HEIGHT, WIDTH, seed=1), normal(1, 4, FRAMES, HEIGHT, WIDTH, seed=2)


@torch.no_grad()
def test_frames_around_a_sketched_one_lead_to_it() -> None:
    # The ends tell that all stands still; the sketch, that it has gone away in the middle.
    ends = scene(2), scene(2)
    mixed, matched = follow_sketches(matching(), ends, known(f4=scene(6)), *own())
    assert torch.equal(mixed[:, :, 1:-1], matched[:, :, 1:-1])
    assert deviation(mixed[:, :, 4], scene(6)) < 1e-5
    for frame in (2, 6):  # half of the way; what comes in at the edge cannot be known
        assert deviation(mixed[:, :, frame, :, 4:-4], scene(4)[..., 4:-4]) < 1e-3
    assert all(
        torch.equal(now[:, :, t], before[:, :, t])
        for now, before in zip((mixed, matched), own(), strict=True)
        for t in (0, FRAMES - 1)
    )


@torch.no_grad()
def test_without_a_sketch_all_stays() -> None:
    mixed, matched = follow_sketches(matching(), (scene(2), scene(5)), known(), *own())
    assert torch.equal(mixed, own()[0]) and torch.equal(matched, own()[1])


@torch.no_grad()
def test_clips_of_a_batch_have_their_own_sketches() -> None:
    ends = tuple(scene(2).expand(2, -1, -1, -1) for _ in range(2))
    both = torch.cat([known(), known(f4=scene(10))])
    owns = [x.expand(2, -1, -1, -1, -1) for x in own()]
    mixed, _ = follow_sketches(matching(), ends, both, *owns)
    alone, _ = follow_sketches(matching(), (scene(2), scene(2)), known(f4=scene(10)), *own())
    assert torch.equal(mixed[:1], own()[0])
    assert deviation(mixed[1:], alone) < 1e-4


@torch.no_grad()
def test_half_sure_is_half_of_the_sketch_and_more_than_sure_is_all_of_it() -> None:
    for sureness, share in ((0.5, 0.5), (3.0, 1.0)):
        mixed, _ = follow_sketches(
            matching(), (scene(2), scene(2)), sureness * known(f4=scene(10)), *own()
        )
        expected = share * scene(10) + (1 - share) * own()[1][:, :, 4]
        assert deviation(mixed[:, :, 4], expected) < 1e-5


def test_what_a_sketch_shows_can_be_learnt_from_the_frames_between() -> None:
    sketched = known(f4=scene(10)).requires_grad_()
    mixed, _ = follow_sketches(matching(), (scene(2), scene(2)), sketched, *own())
    mixed[:, :, 2].square().sum().backward()
    assert sketched.grad is not None and sketched.grad[4, :4].abs().max() > 0
