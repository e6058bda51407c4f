"""The paper's bisection rule, and how often it is used."""

from collections import Counter

import pytest
import torch

from tooncrafter_core.data.clips.sketched_frames import bisected_frames, choose_sparse_frames


@pytest.mark.parametrize(
    ("depth", "chosen"),
    [(0, []), (1, [8]), (2, [4, 8, 12]), (3, [2, 4, 6, 8, 10, 12, 14])],
)
def test_sixteen_frames_are_halved_as_in_the_paper(depth: int, chosen: list[int]) -> None:
    # Counted from 1 as there: (1, 16) guides floor(17 / 2) = 8, then 4 and 12, then 2 6 10 14.
    assert [number + 1 for number in bisected_frames(16, depth)] == chosen


def test_the_deepest_bisection_guides_every_frame_between_the_keyframes() -> None:
    assert bisected_frames(16, 4) == [0 + n for n in range(1, 15)]
    assert bisected_frames(2, 4) == [] and bisected_frames(3, 4) == [1]


def test_four_in_five_are_bisections_and_the_rest_any_subset() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = [tuple(choose_sparse_frames(16, generator)) for _ in range(2000)]
    bisections = {tuple(bisected_frames(16, depth)) for depth in range(1, 5)}
    counts = Counter(frames in bisections for frames in drawn)
    assert counts[True] / 2000 == pytest.approx(0.8, abs=0.04)
    for frames in bisections:
        assert drawn.count(frames) / 2000 == pytest.approx(0.2, abs=0.04)
    sizes = {len(frames) for frames in drawn if frames not in bisections}
    assert sizes >= set(range(2, 16)) and all(list(f) == sorted(set(f)) for f in drawn)


def test_the_same_seed_chooses_the_same_frames() -> None:
    one, two = (
        [choose_sparse_frames(16, torch.Generator().manual_seed(seed)) for seed in range(20)]
        for _ in range(2)
    )
    assert one == two
