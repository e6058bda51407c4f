"""The rank of candidates, and why in words."""

import pytest
import torch

from tooncrafter_core.cut.candidates.faults import FAULTS, Judged
from tooncrafter_core.cut.candidates.rank import NEARLY, NOTHING, rank, where

COUNT = 16


def judged(**amounts: dict[int, float]) -> Judged:
    """A clip of 16 frames with these faults, each by frame from 1; else none."""
    found = {name: torch.zeros(COUNT) for name in FAULTS}
    for name, of in amounts.items():
        for frame, amount in of.items():
            found[name][frame - 1] = amount
    return Judged(amounts=found)


GHOSTLY = dict.fromkeys(range(6, 10), 1.0)


def test_the_clip_with_fewer_faults_comes_first_and_the_reason_names_frames() -> None:
    ranked = rank({"7": judged(ghosts=GHOSTLY), "8": judged()})
    assert [(one.name, one.rank) for one in ranked] == [("8", 1), ("7", 2)]
    assert ranked[0].why == NOTHING
    assert ranked[1].why == "ghost lines of both keys in frames 6 to 9"
    assert ranked[1].total > ranked[0].total == 0


def test_the_two_worst_faults_are_named_the_worst_first() -> None:
    spoilt = judged(ghosts=GHOSTLY, softness={3: 2.0}, flicker={5: 9.0}, jerks={8: 0.3})
    why = rank({"1": spoilt, "2": judged()})[1].why
    assert why == "lines softer than those of both keys in frame 3; flicker in frame 5"


def test_what_is_hardly_worse_is_said_to_be() -> None:
    ranked = rank({"1": judged(ghosts={4: 0.01}), "2": judged()})
    assert ranked[1].why == NEARLY


def test_one_clip_alone_is_judged_by_what_true_clips_have() -> None:
    (only,) = rank({"5": judged(ghosts=dict.fromkeys(range(1, 17), 1.0))})
    assert (only.rank, only.why) == (1, "ghost lines of both keys in frames 1 to 16")


def test_equal_clips_stay_in_their_order() -> None:
    assert [one.name for one in rank({"9": judged(), "3": judged()})] == ["9", "3"]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ({5: 1.0}, "in frame 5"),
        ({5: 1.0, 6: 0.9, 7: 0.2}, "in frames 5 to 6"),
        ({2: 1.0, 6: 0.9, 7: 0.9}, "in frames 2 and 6 to 7"),
        ({2: 1.0, 6: 1.0, 8: 1.0, 9: 1.0}, "in 4 of frames 2 to 9"),
    ],
)
def test_frames_are_those_with_half_of_the_worst(frames: dict[int, float], said: str) -> None:
    assert where(judged(ghosts=frames).amounts["ghosts"]) == said


def test_one_bad_frame_counts_less_than_many() -> None:
    one, many = judged(ghosts={5: 1.0}), judged(ghosts=GHOSTLY)
    assert 0 < one.total < many.total


def test_a_rank_can_be_written_as_json() -> None:
    plain = rank({"7": judged(ghosts=GHOSTLY)})[0].as_plain()
    assert plain["faults"].keys() == FAULTS.keys()
    assert plain["points"] == pytest.approx(sum(plain["faults"].values()), abs=1e-3)
