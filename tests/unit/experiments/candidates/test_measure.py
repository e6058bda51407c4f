"""How often the truth comes first, which weights part it best, and Kendall's tau."""

import pytest
import torch

from tooncrafter_core.cut.candidates.faults import FAULTS, Judged
from tooncrafter_core.experiments.candidates.measure import (
    TRUTH,
    choose_weights,
    kendall,
    truth_first,
)
from tooncrafter_core.experiments.candidates.spoil import SPOILT


def judged(**amounts: float) -> Judged:
    return Judged(amounts={name: torch.full((8,), amounts.get(name, 0.0)) for name in FAULTS})


def found(ghosts: float) -> dict[str, Judged]:
    """A true clip with few ghosts, and spoilt ones with so many."""
    return {TRUTH: judged(ghosts=0.1), **dict.fromkeys(SPOILT, judged(ghosts=ghosts))}


def test_a_clip_counts_where_the_truth_has_fewer_points_than_what_was_spoilt() -> None:
    table = truth_first({"mine": [found(0.5), found(0.5), found(0.01)], "none": []})
    assert [column.title for column in table.columns] == ["mine (3)"]
    assert table.rows["blur"] == [pytest.approx(200 / 3)]
    assert table.rows["all of them"] == [pytest.approx(200 / 3)]


def test_the_fault_that_parts_truth_from_what_was_spoilt_gets_the_weight() -> None:
    clips = [
        {TRUTH: judged(jerks=0.5), **dict.fromkeys(SPOILT, judged(ghosts=1.0, jerks=0.1))}
        for _ in range(4)
    ]
    weights = choose_weights(clips)
    assert max(weights, key=lambda name: weights[name]) == "ghosts"
    assert weights["jerks"] < 0.1
    assert all(weight >= 0 for weight in weights.values())


@pytest.mark.parametrize(
    ("one", "other", "tau"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3], [1, 3, 2], 1 / 3),
        ([1, 1], [1, 2], 0.0),
    ],
)
def test_kendalls_tau_counts_pairs(one: list[float], other: list[float], tau: float) -> None:
    assert kendall(one, other) == pytest.approx(tau)
