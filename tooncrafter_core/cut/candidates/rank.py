"""The rank of several clips between the same keys, and why in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from .faults import FAULTS, TYPICAL, Judged

CLEAR = 0.25
"""Points by which a fault is named: of the best clip beyond what true clips have of it, of others
beyond what the best has."""
MOST_NAMED = 2
MOST_STRETCHES = 2
NOTHING, NEARLY = "no fault stands out", "nearly as good as the first"


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """One candidate among others."""

    name: str
    """What it is called: its seed, or the input that it came from."""
    rank: int
    """From 1."""
    points: Mapping[str, float]
    """Of every fault."""
    why: str

    @property
    def total(self) -> float:
        """The points of all faults."""
        return sum(self.points.values())

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        points = {name: round(value, 4) for name, value in self.points.items()}
        return {"name": self.name, "rank": self.rank, "points": round(self.total, 4),
                "why": self.why, "faults": points}  # fmt: skip

    def as_text(self) -> str:
        """For people."""
        return f"{self.rank}. {self.name}: {self.total:.2f} points, {self.why}"


def rank(clips: Mapping[str, Judged]) -> list[Ranked]:
    """Clips with the best first; of equal ones the earlier."""
    points = {name: judged.points for name, judged in clips.items()}
    ordered = sorted(clips, key=lambda name: sum(points[name].values()))
    usual = {fault: known.weight * TYPICAL for fault, known in FAULTS.items()}
    best = points[ordered[0]]
    return [
        Ranked(
            name=name,
            rank=place,
            points=points[name],
            why=_why(clips[name], points[name], best, NEARLY)
            if place > 1
            else _why(clips[name], points[name], usual, NOTHING),
        )
        for place, name in enumerate(ordered, start=1)
    ]


def _why(
    judged: Judged, points: Mapping[str, float], other: Mapping[str, float], otherwise: str
) -> str:
    """The faults that are clearly worse than in another clip, the worst first."""
    worse = {fault: points[fault] - other[fault] for fault in FAULTS}
    named = sorted(worse, key=lambda fault: -worse[fault])[:MOST_NAMED]
    said = [
        f"{FAULTS[fault].words} {where(judged.amounts[fault])}"
        for fault in named
        if worse[fault] > CLEAR
    ]
    return "; ".join(said) or otherwise


def where(amounts: torch.Tensor) -> str:
    """The frames of a fault, counted from 1: those with half of the most that any has."""
    bad = [number for number, one in enumerate(amounts.tolist(), start=1)
           if one >= float(amounts.max()) / 2]  # fmt: skip
    stretches = _stretches(bad)
    if len(stretches) > MOST_STRETCHES:
        return f"in {len(bad)} of frames {bad[0]} to {bad[-1]}"
    count = "frame" if len(bad) == 1 else "frames"
    return f"in {count} " + " and ".join(
        str(one) if one == other else f"{one} to {other}" for one, other in stretches
    )


def _stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Numbers in a row as their first and last."""
    breaks = [i for i, (one, other) in enumerate(pairwise(numbers), 1) if other > one + 1]
    rows = np.split(np.array(numbers), breaks)
    return [(int(row[0]), int(row[-1])) for row in rows]
