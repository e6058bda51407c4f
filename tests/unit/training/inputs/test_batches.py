"""The clips of a step: the same for any number of processes and after any stop."""

from itertools import islice
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset

from tooncrafter_core.data.clips.dataset import SampleId
from tooncrafter_core.errors import TrainingError
from tooncrafter_core.training.inputs.batches import (
    PartSampler,
    TrainingBatches,
    held_out_batch,
    plan_batches,
)
from tooncrafter_core.training.inputs.draws import Draws, draw_seeds

GROUPS = [range(5), range(5, 7), range(7, 13)]


class Numbers(Dataset[dict[str, Any]]):
    """A data set that says which sample was asked for."""

    def __getitem__(self, sample: SampleId) -> dict[str, Any]:
        return {"key": f"{sample.epoch}-{sample.clip}", "fps": torch.tensor(10.0)}


def seen(processes: int, micro_batch: int | None = None, first: int = 0, steps: int = 9) -> list:
    """For each step what all processes have: clip and seed of every sample, by place."""
    found: list[dict[int, tuple[str, int]]] = [{} for _ in range(steps)]
    for rank in range(processes):
        plan = plan_batches(4, micro_batch, rank, processes)
        batches = TrainingBatches(Numbers(), GROUPS, plan, seed=3)
        for step, parts in enumerate(islice(batches.steps(first), steps)):
            for part, batch in enumerate(parts):
                samples = zip(batch["key"], batch["seeds"].tolist(), strict=True)
                found[step] |= dict(zip(plan.places(part), samples, strict=True))
    return found


def test_processes_and_parts_share_the_batch_of_one() -> None:
    alone = seen(1)
    assert all(sorted(step) == [0, 1, 2, 3] for step in alone)
    assert seen(2) == alone and seen(4) == alone
    assert seen(1, micro_batch=1) == alone and seen(2, micro_batch=1) == alone


def test_a_run_goes_on_with_the_clips_it_would_have_had() -> None:
    assert seen(1, first=5, steps=4) == seen(1)[5:]
    assert seen(2, first=7, steps=2) == seen(1)[7:]


def test_an_epoch_has_every_clip_once_and_seeds_never_repeat() -> None:
    flat = [sample for step in seen(1, steps=13) for sample in step.values()]
    epochs = [flat[i : i + 13] for i in range(0, 52, 13)]
    for number, epoch in enumerate(epochs):
        assert sorted(key for key, _ in epoch) == sorted(f"{number}-{clip}" for clip in range(13))
    assert len({seed for _, seed in flat}) == len(flat)
    orders = [[key.split("-")[1] for key, _ in epoch] for epoch in epochs]
    assert orders[0] != orders[1]


def test_cuts_repeat_after_their_number() -> None:
    plan = plan_batches(13, None)
    parts = list(islice(PartSampler(GROUPS, plan, 0, variants=2), 5))
    assert [{sample.epoch for sample in part} for part in parts] == [{0}, {1}, {0}, {1}, {0}]


def test_draws_belong_to_the_place_of_a_sample() -> None:
    both, second = Draws(draw_seeds(1, 2, [0, 1])), Draws(draw_seeds(1, 2, [1]))
    assert torch.equal(both.normal(2, 3)[1:], second.normal(2, 3))
    assert torch.equal(both.integers(1000)[1:], second.integers(1000))
    assert torch.equal(both.uniform()[1:], second.uniform())
    others = [draw_seeds(*seed, [0]).item() for seed in ((1, 2), (2, 1), (1, 3), (0, 2))]
    assert len(set(others)) == 4


def test_held_out_clips_have_seeds_that_no_step_has() -> None:
    batch = held_out_batch(Numbers(), [3, 4], seed=3, first=2)
    assert batch["key"] == ["0-3", "0-4"]
    again = held_out_batch(Numbers(), [2, 3, 4], seed=3, first=1)
    assert torch.equal(batch["seeds"], again["seeds"][1:])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((5, None, 0, 2), "5 clips cannot be dealt to 2 processes evenly"),
        ((8, 3, 0, 2), "4 clips a step and cannot take them 3 at a time.*divides 4"),
        ((4, 8, 0, 1), "4 clips a step and cannot take them 8 at a time"),
    ],
)
def test_a_batch_that_cannot_be_dealt_is_reported(asked: Any, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        plan_batches(*asked)
