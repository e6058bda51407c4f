"""Dissolves and fades are found in made films, and nothing in films that have none."""

import numpy as np
import pytest

from tooncrafter_core.data.build.transitions import find_transitions, reduced, shots_between
from tooncrafter_core.data.procedural import render_clip

LENGTH = 48


def drawn(seed: int) -> np.ndarray:
    return render_clip(seed, 256, 160, LENGTH).frames.astype(np.float32)


def spans(frames: np.ndarray) -> list[tuple[int, int]]:
    return find_transitions([reduced(frame) for frame in frames.round().astype(np.uint8)])


@pytest.mark.parametrize(("length", "least"), [(8, 5), (12, 5)])
def test_dissolves_are_found_where_they_are(length: int, least: int) -> None:
    found = 0
    share = np.linspace(0, 1, length + 2)[1:-1, None, None, None]
    for seed in range(6):
        one, other = drawn(seed), drawn(seed + 100)
        mixed = one[-length:] * (1 - share) + other[:length] * share
        film = np.concatenate([one[:-length], mixed, other[length:]])
        hits = spans(film)
        first, end = LENGTH - length, LENGTH
        found += len(hits) == 1 and hits[0][0] < end and hits[0][1] > first
        assert all(a >= first - 12 and b <= end + 12 for a, b in hits)
    assert found >= least


def test_fades_are_found_with_all_their_frames_but_the_last_dark_ones() -> None:
    gain = np.linspace(1, 0, 12)[:, None, None, None]
    for seed in range(4):
        one, other = drawn(seed), drawn(seed + 100)
        film = np.concatenate([one[:36], one[36:] * gain, other[:12] * gain[::-1], other[12:]])
        marked = {frame for a, b in spans(film) for frame in range(a, b)}
        assert marked >= set(range(39, 46)) and marked >= set(range(51, 57))
        assert min(marked) >= 30 and max(marked) <= 66


def test_shots_that_have_none_have_none() -> None:
    for seed in range(200, 212):
        assert spans(drawn(seed)) == []
    still = np.repeat(drawn(1)[:1], 60, axis=0)
    assert spans(still) == [] and spans(still[:1]) == [] and find_transitions([]) == []


def test_a_pan_over_a_picture_is_no_dissolve() -> None:
    wide = np.random.RandomState(0).rand(8, 40, 3).repeat(20, 0).repeat(20, 1) * 255
    for speed in (1, 4, 12):
        pan = np.stack([wide[:, speed * t : speed * t + 256] for t in range(40)])
        assert spans(pan) == []


def test_cuts_within_a_transition_are_part_of_it() -> None:
    assert shots_between(0, 100, [0, 30, 52, 100], [(45, 60)]) == [(0, 30), (30, 45), (60, 100)]
    assert shots_between(0, 100, [], [(0, 10), (95, 100)]) == [(10, 95)]
