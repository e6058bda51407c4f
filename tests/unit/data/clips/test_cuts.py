"""Where and when a clip becomes another."""

import torch

from tooncrafter_core.data.clips.cuts import PART, cut_to


def test_a_cut_shows_one_clip_before_a_moment_and_the_other_after() -> None:
    clip, other = torch.zeros(3, 16, 40, 64), torch.ones(3, 16, 40, 64)
    generator = torch.Generator().manual_seed(0)
    firsts, shares = set(), []
    for _ in range(60):
        shown = cut_to(clip, other, generator)
        assert shown.shape == clip.shape
        first = int(shown[0].amax((1, 2)).argmax())
        assert not shown[:, :first].any()
        assert torch.equal(shown[:, first:], shown[:, -1:].expand_as(shown[:, first:]))
        firsts.add(first)
        shares.append(float(shown[0, -1].mean()))
    assert 1 <= min(firsts) < 6
    assert 10 < max(firsts) <= 15
    least, most = PART
    whole = sum(share == 1 for share in shares)
    assert 10 < whole < 30
    assert all(least - 0.01 <= share <= most + 0.01 for share in shares if share < 1)


def test_the_shortest_clip_can_be_cut_and_a_seed_repeats() -> None:
    clip, other = torch.zeros(3, 2, 8, 8), torch.ones(3, 2, 8, 8)
    shown, again = (cut_to(clip, other, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(shown, again)
    assert not shown[:, 0].any()
    assert shown[:, 1].any()
