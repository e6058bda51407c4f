"""Several seeds of each segment of a cut: drawn once, ranked, one taken."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tooncrafter_core.cut.candidates.choose import (
    MOST,
    Wanted,
    check_wanted,
    choose_seeds,
    seeds_of,
)
from tooncrafter_core.cut.drawing import CutDrawing
from tooncrafter_core.cut.plain import time_cut
from tooncrafter_core.cut.plan import plan_cut
from tooncrafter_core.cut.store import MAX_SEED, ClipStore
from tooncrafter_core.errors import CutError
from tooncrafter_core.interpolation.settings import InterpolationSettings
from tooncrafter_core.pictures.keyframes import Keyframes
from tooncrafter_core.pictures.sheets import cross_fade
from tooncrafter_core.sketches.frames import SketchLayer

CUT = time_cut(["A1", "A2", "A3"], [0, 4, 8])
PLAN = plan_cut(CUT)
GOOD = 102
"""The seed that slides; all others fade."""


def square(left: int) -> Tensor:
    picture = torch.ones(3, 64, 64)
    picture[:, 20:40, left : left + 20] = -1
    return picture


LEFT = {"A1": 2, "A2": 32, "A3": 2}


def drawing_in(folder: Path) -> CutDrawing:
    return CutDrawing(
        cut=CUT,
        pictures={name: square(left) for name, left in LEFT.items()},
        settings=InterpolationSettings(seed=100, width=64, height=64),
        weights="w",
        store=ClipStore(folder),
    )


class Model:
    """Draws a slide for one seed and a cross-fade for others, and counts."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __call__(
        self, keys: Keyframes, settings: InterpolationSettings, _: Sequence[SketchLayer]
    ) -> Tensor:
        self.seeds.append(settings.seed)
        first, last = (key.reshape(3, 64, 64) for key in keys.pictures)
        if settings.seed != GOOD:
            return cross_fade(first, last, 16)
        step = 2 if first[0, 30, 2] < 0 else -2
        return torch.stack([square((2 if step > 0 else 32) + step * t) for t in range(16)])


def test_the_best_seed_of_each_segment_is_taken(tmp_path: Path) -> None:
    model = Model()
    chosen, choices = choose_seeds(drawing_in(tmp_path), PLAN, Wanted(count=4), model)
    assert [segment.seed for segment in chosen.cut.segments] == [GOOD, GOOD]
    assert [choice.taken for choice in choices] == [GOOD, GOOD]
    assert "ghost lines" in choices[0].ranked[1].why
    assert model.seeds == [100, 101, 102, 103] * 2


def test_two_more_candidates_cost_two_more_clips(tmp_path: Path) -> None:
    drawing = drawing_in(tmp_path)
    choose_seeds(drawing, PLAN, Wanted(count=2), Model())
    model, said = Model(), list[tuple[int, int, bool]]()
    choose_seeds(drawing, PLAN, Wanted(count=4), model, lambda *one: said.append(one))
    assert model.seeds == [102, 103] * 2
    assert said[:3] == [(1, 100, True), (1, 101, True), (1, 102, False)]


def test_the_named_seed_is_taken_and_others_are_the_best(tmp_path: Path) -> None:
    wanted = Wanted(count=3, takes={2: 101})
    chosen, choices = choose_seeds(drawing_in(tmp_path), PLAN, wanted, Model())
    assert [segment.seed for segment in chosen.cut.segments] == [GOOD, 101]
    plain = choices[1].as_plain()
    assert (plain["segment"], plain["taken"]) == (2, 101)
    assert plain["ranked"][0]["seed"] == GOOD
    assert choices[1].as_text().endswith("taken: 101")


def test_one_segment_alone_has_candidates_where_that_is_asked_for(tmp_path: Path) -> None:
    model = Model()
    chosen, choices = choose_seeds(drawing_in(tmp_path), PLAN, Wanted(count=3, only=2), model)
    assert [segment.seed for segment in chosen.cut.segments] == [None, GOOD]
    assert [choice.segment for choice in choices] == [2]
    assert len(model.seeds) == 3


def test_one_candidate_is_taken_as_it_is(tmp_path: Path) -> None:
    chosen, _ = choose_seeds(drawing_in(tmp_path), PLAN, Wanted(count=1), Model())
    assert [segment.seed for segment in chosen.cut.segments] == [100, 100]


def test_the_contact_sheet_has_a_row_for_each(tmp_path: Path) -> None:
    sheets = [
        choose_seeds(drawing_in(tmp_path), PLAN, Wanted(count=count), Model())[1][0].sheet()
        for count in (2, 3)
    ]
    assert sheets[0].shape[1:] == sheets[1].shape[1:]
    assert sheets[1].shape[0] > sheets[0].shape[0] + 60


@pytest.mark.parametrize("count", [0, -1, MOST + 1, 1000])
def test_a_number_of_candidates_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(CutError, match=f"1 to {MOST} candidates"):
        Wanted(count=count)


@pytest.mark.parametrize(
    ("takes", "said"),
    [
        ({2: 99}, "Seed 99 .* their seeds are 100 to 103"),
        ({3: 100}, "segment 3, which is not there: the cut has 2"),
    ],
)
def test_a_seed_that_will_not_be_there_is_refused(
    tmp_path: Path, takes: dict[int, int], said: str
) -> None:
    with pytest.raises(CutError, match=said):
        check_wanted(drawing_in(tmp_path), PLAN, Wanted(count=4, takes=takes))


def test_a_seed_of_a_segment_without_candidates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CutError, match="Segment 1 has no candidates"):
        check_wanted(drawing_in(tmp_path), PLAN, Wanted(count=4, takes={1: 100}, only=2))


def test_seeds_end_at_the_greatest() -> None:
    assert list(seeds_of(MAX_SEED - 1, 2)) == [MAX_SEED - 1, MAX_SEED]
    with pytest.raises(CutError, match="smaller seed"):
        seeds_of(MAX_SEED - 1, 3)
