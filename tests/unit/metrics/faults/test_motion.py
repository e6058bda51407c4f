"""Smoothness of motion: jerks, leaps and detours."""

import torch
from torch import Tensor

from tooncrafter_core.interpolation.small_flow import small_flow
from tooncrafter_core.metrics.faults.motion import detours, jerks, leaps


def disc(x: float, size: int = 64) -> Tensor:
    """A soft bright disc before a dark ground with some texture, ``3 h w``."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    share = (10.5 - ((columns - x) ** 2 + (rows - size / 2) ** 2).sqrt()).clamp(0, 1)
    ground = -0.7 + 0.2 * torch.sin(columns * 0.5) * torch.sin(rows * 0.6)
    return (share * 0.9 + (1 - share) * ground).expand(3, -1, -1)


def clip_at(*places: float) -> Tensor:
    return torch.stack([disc(x) for x in places])


def flows(clip: Tensor) -> tuple[Tensor, Tensor]:
    return small_flow(clip[:-1], clip[1:]), small_flow(clip[1:], clip[:-1])


EVEN = (16, 19, 22, 25, 28, 31, 34, 37)
BACK = (16, 19, 25, 22, 28, 31, 34, 37)
"""The third and fourth have changed places."""


def test_even_motion_has_no_leap_and_no_detour() -> None:
    clip = clip_at(*EVEN)
    assert not leaps(clip).any()
    assert not detours(clip).any()


def test_motion_back_and_forth_is_jerky_and_a_detour_there() -> None:
    even, back = clip_at(*EVEN), clip_at(*BACK)
    smooth, jerky = jerks(*flows(even)), jerks(*flows(back))
    assert float(jerky[2:4].min()) > 2 * float(smooth.max())
    assert set(detours(back).nonzero().flatten().tolist()) <= {2, 3}
    assert detours(back).any()


def test_a_hold_leaps_at_the_frame_after_its_step() -> None:
    clip = clip_at(16, 16, 16, 16, 37, 37, 37, 37)
    assert leaps(clip).nonzero().flatten().tolist() == [4]


def test_motion_on_twos_does_not_leap() -> None:
    assert not leaps(clip_at(*[16 + 3 * (number // 2) for number in range(16)])).any()


def test_what_stands_still_has_no_fault() -> None:
    clip = clip_at(*[20] * 5)
    for found in (jerks(*flows(clip)), leaps(clip), detours(clip)):
        assert found.shape == (5,)
        assert not found.any()
