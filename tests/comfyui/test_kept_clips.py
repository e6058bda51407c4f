"""Clips are kept within a bound, and no longer than the model that drew them."""

import gc
from types import ModuleType
from typing import Any

import pytest
import torch


class Part:
    """A part of a model."""


@pytest.fixture
def kept(pack: ModuleType) -> Any:
    """Room for three small clips."""
    from tooncrafter_pack.nodes.cut.kept import KeptClips  # pyright: ignore[reportMissingImports]

    return KeptClips(most=3 * 64)


def clip(value: int) -> torch.Tensor:
    """A clip of 64 bytes."""
    return torch.full((16,), float(value))


def test_the_same_parts_are_one_group_and_others_another(kept: Any) -> None:
    one, two = Part(), Part()
    group = kept.group([one, two])
    assert kept.group([one, two]) == group
    assert kept.group([two, one]) != group
    assert kept.group([one]) != group
    kept.keep(group, "a", clip(1))
    assert kept.find(kept.group([two, one]), "a") is None
    assert kept.find(group, "b") is None
    assert torch.equal(kept.find(group, "a"), clip(1))


def test_what_was_used_longest_ago_makes_room(kept: Any) -> None:
    part = Part()
    group = kept.group([part])
    for number in range(3):
        kept.keep(group, str(number), clip(number))
    kept.find(group, "0")
    kept.keep(group, "3", clip(3))
    assert [kept.find(group, str(n)) is not None for n in range(4)] == [True, False, True, True]
    assert kept.size == 3 * 64
    kept.keep(group, "large", torch.zeros(49))
    assert kept.find(group, "large") is None and kept.size == 3 * 64


def test_clips_go_with_any_part_of_their_model_and_no_others_do(kept: Any) -> None:
    one, two = Part(), Part()
    group, other = kept.group([one, two]), kept.group([two])
    kept.keep(group, "a", clip(1))
    kept.keep(other, "a", clip(2))
    del one
    gc.collect()
    assert kept.size == 64
    kept.keep(group, "a", clip(1))
    assert kept.find(group, "a") is None
    assert torch.equal(kept.find(other, "a"), clip(2))
