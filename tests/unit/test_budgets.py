"""The published model keeps to ``benchmarks/budgets.json``: work, operators and memory, counted."""

import json
from typing import Any

import pytest

from benchmarks.static import BUDGETS, GROUPS, excesses

BUDGET: dict[str, Any] = json.loads(BUDGETS.read_text("utf-8"))


@pytest.mark.parametrize("group", GROUPS)
def test_published_model_stays_within_its_budget(group: str) -> None:
    found = excesses(GROUPS[group](), BUDGET)
    assert not found, "\n".join(
        [*found, "If that is the price of something better: python dev.py bench static --accept"]
    )


def test_every_limit_is_counted() -> None:
    assert set(BUDGET["limits"]) <= set(BUDGET["accepted"])


def test_an_excess_is_said_with_its_figures() -> None:
    budgets = {"slack": 0.02, "limits": {"a": 2}, "accepted": {"a": 1.5, "b": 10}}
    assert excesses({"a": 1.52, "b": 10.1}, budgets) == []
    assert excesses({"a": 2.1, "b": 10.3, "c": 1}, budgets) == [
        "a: 2.1 is over the limit of 2", "a: 2.1, accepted was 1.5", "b: 10.3, accepted was 10",
        "c: 1 has no accepted figure yet",
    ]  # fmt: skip
