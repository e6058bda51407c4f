"""Statistics over seeds: means, standard deviations, wins by seed, and the paper's order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev

from ..evaluation.results import MetricInfo

BySeed = Mapping[int | None, float]
"""A number for each seed; a row without training has one number, under None."""
Measured = Mapping[str, Mapping[str, BySeed]]
"""Numbers by row, quantity and seed."""


@dataclass(frozen=True, kw_only=True)
class Duel:
    """One row against another in one quantity, seed by seed."""

    wins: int
    """Seeds in which the first is better."""
    seeds: int
    lead: float
    """Mean of how much better it is; below 0 it is worse."""
    spread: float | None
    """Standard deviation of that; None of one seed."""


def mean(values: BySeed) -> float:
    """The mean over seeds."""
    return fmean(values.values())


def deviation(values: BySeed) -> float | None:
    """The standard deviation over seeds (n - 1); None when there is one."""
    return stdev(values.values()) if len(values) > 1 else None


def duel(first: BySeed, second: BySeed, is_higher_better: bool) -> Duel:
    """Compare two rows; one that has no seeds meets every seed of the other."""
    seeds: list[int | None] = [seed for seed in {**first, **second} if seed is not None] or [None]
    sign = 1 if is_higher_better else -1
    leads = [sign * (_at(first, seed) - _at(second, seed)) for seed in seeds]
    return Duel(
        wins=sum(lead > 0 for lead in leads),
        seeds=len(leads),
        lead=fmean(leads),
        spread=stdev(leads) if len(leads) > 1 else None,
    )


def order(measured: Measured, info: MetricInfo, rows: Sequence[str]) -> list[str]:
    """Rows by their means, the best first."""
    return sorted(
        rows, key=lambda row: mean(measured[row][info.key]), reverse=info.is_higher_better
    )


def verdict(measured: Measured, info: MetricInfo, paper_order: Sequence[str], paper: str) -> str:
    """In plain words whether the paper's order, best first, is found in one quantity.

    ``paper`` says by what the paper orders them.
    """
    found = order(measured, info, paper_order)
    means = ", ".join(f"{row} ({mean(measured[row][info.key]):.{info.decimals}f})" for row in found)
    neighbours = [
        (a, b, duel(measured[a][info.key], measured[b][info.key], info.is_higher_better))
        for a, b in pairwise(paper_order)
    ]
    held = "; ".join(f"{a} before {b} in {each.wins} of {each.seeds}" for a, b, each in neighbours)
    if found == list(paper_order):
        is_sure = all(each.wins == each.seeds for *_, each in neighbours)
        said = "is reproduced, in every seed" if is_sure else "is reproduced in the means alone"
    elif found[0] == paper_order[0]:
        said = "is not reproduced, but for its best row"
    else:
        said = "is not reproduced"
    return (
        f"The paper's order ({paper}: {', '.join(paper_order)}) {said} by {info.title}. Found: "
        f"{means}. Seeds in which neighbours of the paper's order stand as there: {held}."
    )


def _at(values: BySeed, seed: int | None) -> float:
    return values[seed] if seed in values else values[None]
