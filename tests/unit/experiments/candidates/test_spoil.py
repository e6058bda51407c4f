"""True clips spoilt in known ways."""

import torch
from torch import Tensor

from tooncrafter_core.experiments.candidates.spoil import SPOILT, spoilt_clips
from tooncrafter_core.pictures.levels import at_levels


def numbered(count: int = 12) -> Tensor:
    """Frames whose brightness says which they are, with some texture, ``t 3 h w``."""
    ground = torch.rand(3, 32, 48, generator=torch.Generator().manual_seed(1)) * 0.4
    return at_levels(torch.stack([ground - 0.8 + 0.05 * number for number in range(count)]))


def test_each_way_keeps_both_ends_and_changes_what_lies_between() -> None:
    clip = numbered()
    spoilt = spoilt_clips(clip, 3)
    assert spoilt.keys() == SPOILT.keys()
    for made in spoilt.values():
        assert made.shape == clip.shape
        assert torch.equal(made[[0, -1]], clip[[0, -1]])
        assert (made != clip).any()


def test_the_same_seed_spoils_in_the_same_way_and_another_elsewhere() -> None:
    clip = numbered()
    one, same, other = (spoilt_clips(clip, seed) for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in SPOILT)
    assert not torch.equal(one["shuffled"], other["shuffled"])


def changed(name: str) -> list[int]:
    clip = numbered()
    return [t for t, frame in enumerate(spoilt_clips(clip, 3)[name]) if (frame != clip[t]).any()]


def test_faults_of_single_frames_lie_in_as_many_frames_as_they_say() -> None:
    assert len(changed("one frame flashes")) == 1
    assert len(changed("a square astray in one frame")) == 1
    assert len(changed("ghosts in four frames")) == 4
    first, second = changed("two frames swapped")
    assert second == first + 1


def test_shuffled_frames_are_all_still_there() -> None:
    clip = numbered()
    made = spoilt_clips(clip, 3)["shuffled"]
    assert sorted(made.mean((1, 2, 3)).tolist()) == sorted(clip.mean((1, 2, 3)).tolist())
