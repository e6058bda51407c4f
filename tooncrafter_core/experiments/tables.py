"""Tables over seeds, as CSV and Markdown."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..evaluation.results import MetricInfo
from ..evaluation.tables import MISSING, Column
from .spread import BySeed, Measured, deviation, duel, mean

CellText = Callable[[BySeed, int], str]
"""The numbers of a cell and their decimals, as text."""


@dataclass(frozen=True, kw_only=True)
class SeedTable:
    """A row a variant, a column a quantity; each cell a mean over seeds, with its spread."""

    title: str
    columns: Sequence[MetricInfo]
    measured: Measured
    notes: Sequence[str] = field(default_factory=tuple)

    def to_csv(self) -> str:
        """A line for each row and quantity: mean, deviation, then every seed with its number."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["row", "quantity", "mean", "deviation", "by seed"])
        for row, quantities in self.measured.items():
            for info in self.columns:
                values, spread = quantities[info.key], deviation(quantities[info.key])
                each = [
                    f"{value:.6g}" if seed is None else f"{seed}: {value:.6g}"
                    for seed, value in values.items()
                ]
                shown = "" if spread is None else f"{spread:.6g}"
                writer.writerow([row, info.title, f"{mean(values):.6g}", shown, "; ".join(each)])
        return text.getvalue()

    def to_markdown(self) -> str:
        """Means and deviations, the best mean of a column bold; then every seed's numbers."""
        lines = [f"### {self.title}", "", *self._table(self._spread, True), ""]
        lines += ["Seed by seed:", "", *self._table(self._by_seed, False), ""]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes), ""])

    def _table(self, cell: CellText, marks_best: bool) -> list[str]:
        lines = _head(["", *(_column(info).heading for info in self.columns)])
        for row, quantities in self.measured.items():
            cells = [cell(quantities[info.key], info.decimals) for info in self.columns]
            if marks_best:
                cells = [
                    f"**{text}**" if row == self._best(info) else text
                    for text, info in zip(cells, self.columns, strict=True)
                ]
            lines.append("| " + " | ".join([row, *cells]) + " |")
        return lines

    def _best(self, info: MetricInfo) -> str:
        choose = max if info.is_higher_better else min
        return choose(self.measured, key=lambda row: mean(self.measured[row][info.key]))

    @staticmethod
    def _spread(values: BySeed, decimals: int) -> str:
        spread = deviation(values)
        shown = f"{mean(values):.{decimals}f}"
        return shown if spread is None else f"{shown} ± {spread:.{decimals}f}"

    @staticmethod
    def _by_seed(values: BySeed, decimals: int) -> str:
        return ", ".join(f"{value:.{decimals}f}" for value in values.values())


def duels_in_markdown(
    title: str, champion: str, measured: Measured, columns: Sequence[MetricInfo]
) -> str:
    """One row against each other: in how many seeds it is better, and by how much."""
    lines = [f"### {title}", "", *_head(["against", *(info.title for info in columns)])]
    for row, quantities in measured.items():
        if row == champion:
            continue
        cells = []
        for info in columns:
            found = duel(measured[champion][info.key], quantities[info.key], info.is_higher_better)
            spread = MISSING if found.spread is None else f"{found.spread:.{info.decimals}f}"
            cells.append(
                f"{found.wins} of {found.seeds}, {found.lead:+.{info.decimals}f} ± {spread}"
            )
        lines.append("| " + " | ".join([row, *cells]) + " |")
    note = "Seeds in which it is better, and its lead: mean and deviation over the pairs."
    return "\n".join([*lines, "", f"- {note}", ""])


def _column(info: MetricInfo) -> Column:
    return Column(title=info.title, decimals=info.decimals, is_higher_better=info.is_higher_better)


def _head(titles: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
