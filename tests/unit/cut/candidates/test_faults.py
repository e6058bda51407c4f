"""Every fault of a clip between its two keys."""

import pytest
import torch
from torch import Tensor

from tooncrafter_core.cut.candidates.faults import FAULTS, judge
from tooncrafter_core.data.procedural.known_motion import render_motion
from tooncrafter_core.errors import CutError
from tooncrafter_core.pictures.levels import from_levels
from tooncrafter_core.pictures.sheets import cross_fade


@pytest.fixture(scope="module")
def clip() -> Tensor:
    """A disc on an even path before scenery, ``16 3 h w``."""
    frames = render_motion("even", 3, 128, 80, 16).frames
    return from_levels(torch.from_numpy(frames)).permute(0, 3, 1, 2).contiguous()


def test_the_truth_has_fewer_points_than_its_cross_fade(clip: Tensor) -> None:
    faded = cross_fade(clip[0], clip[-1], len(clip))
    true, mixed = (judge(one, clip[0], clip[-1]) for one in (clip, faded))
    assert mixed.total > true.total
    assert mixed.points["ghosts"] > 2 * true.points["ghosts"]
    assert mixed.points.keys() == FAULTS.keys()
    assert all(len(amounts) == len(clip) for amounts in mixed.amounts.values())


def test_the_ends_count_as_they_were_drawn_and_the_rest_between_the_keys(clip: Tensor) -> None:
    other = clip.clone()
    other[-1] = other[-1] * 0.5
    true, off = (judge(one, clip[0], clip[-1]) for one in (clip, other))
    assert true.points["ends"] == 0 < off.points["ends"]
    assert {n: p for n, p in off.points.items() if n != "ends"} == {
        n: p for n, p in true.points.items() if n != "ends"
    }


def test_a_clip_stays_as_it_was(clip: Tensor) -> None:
    before = clip.clone()
    judge(clip, clip[0], clip[-1])
    assert (clip == before).all()


def test_a_small_change_of_size_changes_points_little(clip: Tensor) -> None:
    wide = torch.nn.functional.interpolate(clip, scale_factor=2, mode="bicubic").clamp(-1, 1)
    faded = cross_fade(wide[0], wide[-1], len(wide))
    assert judge(wide, wide[0], wide[-1]).total < judge(faded, wide[0], wide[-1]).total


@pytest.mark.parametrize("count", [1, 2])
def test_a_clip_without_a_frame_between_is_refused(clip: Tensor, count: int) -> None:
    with pytest.raises(CutError, match="3 frames or more"):
        judge(clip[:count], clip[0], clip[-1])


def test_keys_of_another_size_are_refused(clip: Tensor) -> None:
    with pytest.raises(CutError, match="64x64 and the clip is 128x80"):
        judge(clip, torch.zeros(3, 64, 64), torch.zeros(3, 64, 64))
