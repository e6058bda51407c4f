"""Lines of a clip: softer or harder than those of its keys, and ghosts of both."""

import pytest
import torch
from torch import Tensor

from tooncrafter_core.interpolation.small_flow import blurred
from tooncrafter_core.metrics.faults.lines import ghosts, hardness, line_strength, softness
from tooncrafter_core.pictures.sheets import cross_fade


def box(left: float, size: int = 48, side: int = 16) -> Tensor:
    """A dark square with soft edges on white, ``3 h w``."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    across = (side / 2 + 0.5 - (columns - left - side / 2).abs()).clamp(0, 1)
    down = (side / 2 + 0.5 - (rows - size / 2).abs()).clamp(0, 1)
    return (1 - 2 * across * down).expand(3, -1, -1)


def sliding(count: int = 8) -> Tensor:
    """A square that slides to the right by three pixels a frame, ``t 3 h w``."""
    return torch.stack([box(3.0 + 3 * number) for number in range(count)])


def ends(clip: Tensor) -> Tensor:
    return clip[[0, -1]]


def test_a_clip_of_whole_steps_has_no_fault() -> None:
    clip = sliding()
    for measure in (softness, hardness):
        assert float(measure(clip, ends(clip)).max()) < 1e-3
    # A side of the square is where the one key has it and the other has not: a fifth at most.
    assert float(ghosts(clip, ends(clip)).max()) < 0.25


def test_blurred_frames_are_soft_where_they_are_blurred() -> None:
    clip = sliding()
    clip[3:5] = blurred(clip[3:5], 1.0)
    soft = softness(clip, ends(clip))
    assert (soft[3:5] > 0.2).all()
    assert float(soft[[0, 1, 2, 5, 6, 7]].max()) < 1e-3


def test_frames_of_more_contrast_are_hard() -> None:
    clip = sliding() * 0.5
    clip[2] *= 1.5
    hard = hardness(clip, ends(clip))
    assert float(hard[2]) == pytest.approx(float(torch.tensor(1.5).log()), abs=0.02)
    assert float(hard[3]) < 1e-3


def test_a_cross_fade_is_full_of_ghosts_and_soft() -> None:
    clip = sliding()
    faded = cross_fade(clip[0], clip[-1], len(clip))
    # At 1/7 and 6/7 one key is nearly all that is seen.
    assert (ghosts(faded, ends(clip))[2:6] > 0.5).all()
    assert (softness(faded, ends(clip))[2:6] > 0.1).all()


def test_ghosts_are_a_share_of_what_changes_whatever_the_size_of_the_ground() -> None:
    small, large = (torch.stack([box(4, size), box(24, size)]) for size in (48, 96))
    found = [float(ghosts(keys.mean(0, keepdim=True), keys)) for keys in (small, large)]
    assert found[0] == pytest.approx(found[1], rel=0.3)


def test_line_strength_does_not_grow_with_the_number_of_lines() -> None:
    one, two = box(4), torch.minimum(box(4), box(28))
    found = line_strength(torch.stack([one, two]))
    assert float(found[0]) == pytest.approx(float(found[1]), abs=0.05)


def test_equal_keys_have_no_ghosts() -> None:
    clip = box(8).expand(5, -1, -1, -1)
    assert not ghosts(clip, ends(clip)).any()
