"""Two files of results: what became slower or larger.

    python dev.py bench compare ACCEPTED.jsonl NEW.jsonl

Only figures of the same measurement on the same device with the same precision are compared. The
exit code is 1 at more than 7 % in time or 2 % in memory.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks._results import Result, read

SLOWER, LARGER = 0.07, 0.02

SAME = ("suite", "name", "size", "shape", "dtype", "device")
"""What two results must share to be of the same measurement."""

TOLERANCES = {"ms": SLOWER, "ratio": SLOWER, "peak_allocated": LARGER, "peak_reserved": LARGER}
"""Figures that are compared; lower is better. A ratio is of two times on one machine."""


class Change(NamedTuple):
    """One figure that both files have."""

    measurement: str
    figure: str
    before: float
    after: float

    @property
    def growth(self) -> float:
        """Relative to before."""
        return self.after / self.before - 1

    @property
    def is_worse(self) -> bool:
        """By more than the figure's tolerance."""
        return self.growth > TOLERANCES[self.figure]

    def __str__(self) -> str:
        mark = "WORSE " if self.is_worse else ""
        return (
            f"{mark}{self.measurement}: {self.figure} {self.before:.4g} -> {self.after:.4g} "
            f"({100 * self.growth:+.1f} %)"
        )


def key(result: Result) -> tuple[str, ...]:
    """What identifies a measurement."""
    return tuple(str(result.get(name, "")) for name in SAME)


def compare(accepted: list[Result], new: list[Result]) -> list[Change]:
    """Every figure of the same measurement in both; the last one counts when repeated."""
    before = {key(result): result for result in accepted}
    changes = []
    for identity, result in {key(result): result for result in new}.items():
        old = before.get(identity, {})
        changes += [
            Change(f"{result['name']} {result.get('shape', '')}", figure, old[figure], after)
            for figure in TOLERANCES
            if (after := result.get(figure)) and old.get(figure)
        ]
    return changes


def lost(accepted: list[Result], new: list[Result]) -> list[str]:
    """Measurements that had a figure on this device and have none now."""
    devices = {result["device"] for result in new}
    has_figure = {key(r) for r in new if "skipped" not in r}
    return [
        f"{r['name']} {r.get('shape', '')}"
        for r in accepted
        if r["device"] in devices and "skipped" not in r and key(r) not in has_figure
    ]


def main() -> int:
    """Compare two files of results; the exit code says whether something became worse."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("accepted", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args()
    for path in (options.accepted, options.new):
        if not path.is_file():
            parser.error(f"There is no file {path}; the GPU's results are written by --out.")
    accepted, new = read(options.accepted), read(options.new)
    changes = compare(accepted, new)
    for change in changes:
        print(change)
    missing = lost(accepted, new)
    for name in missing:
        print(f"LOST {name}")
    if not changes:
        print("no measurement of one device is in both files: nothing was compared")
    return 1 if missing or not changes or any(change.is_worse for change in changes) else 0


if __name__ == "__main__":
    sys.exit(main())
