"""The paper's tables, filled with our own results; see PAPER.

A table of ours never holds a number of the paper: its I3D, LPIPS and CLIP are not known.
"""

import csv
import io
from dataclasses import dataclass, field

from .methods.making import TRUTH
from .results import MetricInfo, Results

MISSING = "-"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of numbers."""

    title: str
    decimals: int = 2
    is_higher_better: bool | None = None
    """None when no direction is better."""

    @property
    def heading(self) -> str:
        """The title with an arrow that says what is better."""
        if self.is_higher_better is None:
            return self.title
        return f"{self.title} {'↑' if self.is_higher_better else '↓'}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: a row a method, a column a quantity."""

    name: str
    """The name of its files."""
    title: str
    columns: list[Column]
    rows: dict[str, list[float | None]]
    notes: list[str] = field(default_factory=list)

    def text(self, method: str, index: int) -> str:
        """A number as it is shown; a dash where there is none."""
        value = self.rows[method][index]
        return MISSING if value is None else f"{value:.{self.columns[index].decimals}f}"

    def best(self, index: int) -> set[str]:
        """The methods with the best number of a column; the true frames do not compete."""
        column = self.columns[index]
        values = {m: r[index] for m, r in self.rows.items() if m != TRUTH}
        known = [value for value in values.values() if value is not None]
        if column.is_higher_better is None or len(known) < 2:
            return set()
        best = max(known) if column.is_higher_better else min(known)
        return {method for method, value in values.items() if value == best}

    def to_csv(self) -> str:
        """The table with full numbers; nothing where there is none."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["method", *(column.title for column in self.columns)])
        for method, row in self.rows.items():
            writer.writerow([method, *("" if v is None else f"{v:.6g}" for v in row)])
        return text.getvalue()

    def to_markdown(self) -> str:
        """The table with its notes; the best of each column is bold."""
        best = [self.best(index) for index in range(len(self.columns))]
        lines = [f"### {self.title}", ""]
        lines.append("| " + " | ".join(["method", *(c.heading for c in self.columns)]) + " |")
        lines.append("|" + "---|" * (len(self.columns) + 1))
        for method in self.rows:
            cells = [self.text(method, index) for index in range(len(self.columns))]
            cells = [f"**{c}**" if method in best[i] else c for i, c in enumerate(cells)]
            lines.append("| " + " | ".join([method, *cells]) + " |")
        lines += ["", *(f"- {note}" for note in self.notes), ""]
        return "\n".join(lines)


def make_tables(results: Results) -> list[Table]:
    """Every table that these results can fill."""
    if results.kind == "reconstruct":
        return [table_4(results), psnr_by_frame(results)]
    tables = [table_1(results), table_3(results), psnr_by_frame(results)]
    return [table for table in tables if table.columns]


def table_1(results: Results) -> Table:
    """The comparison of interpolation methods, with PSNR and SSIM before the paper's columns."""
    return _table(
        results, "table1_comparison", "Comparison (shape of the paper's Table 1)",
        ["frechet", "kernel", "paired", "lpips", "clip_img", "clip_txt", "cpbd", "psnr", "ssim",
         "position"],
    )  # fmt: skip


def table_3(results: Results) -> Table:
    """The ablation of the rectification: distance and CLIP_img alone."""
    table = _table(
        results, "table3_rectification", "Rectification (shape of the paper's Table 3)",
        ["frechet", "clip_img"],
    )  # fmt: skip
    table.notes.append(
        "The paper's rows are five trainings of one model: give each as --model NAME=FILE, and "
        "--plain-decoder, since the paper leaves the dual-reference decoder out here."
    )
    return table


def table_4(results: Results) -> Table:
    """How well the autoencoder reconstructs its input."""
    table = _table(
        results, "table4_reconstruction", "Reconstruction (shape of the paper's Table 4)",
        ["psnr", "ssim", "lpips"],
    )  # fmt: skip
    table.notes.append(
        "'without ...' switches a part of one checkpoint off; the paper trained a decoder for each "
        "row: give those as --model NAME=FILE."
    )
    return table


def psnr_by_frame(results: Results) -> Table:
    """PSNR along the clip; a decoder with references may sag in the middle."""
    columns = [Column(title=str(index + 1)) for index in range(results.num_frames)]
    rows: dict[str, list[float | None]] = {
        method: [*results.by_frame(method, "psnr")] for method in results.methods if method != TRUTH
    }
    rows = {method: row for method, row in rows.items() if len(row) == len(columns)}
    return Table(
        name="psnr_by_frame", title="PSNR by frame (dB)", columns=columns, rows=rows,
        notes=["Means over the clips; 60 dB stands for equal frames."],
    )  # fmt: skip


def _table(results: Results, name: str, title: str, keys: list[str]) -> Table:
    infos = {info.key: info for info in (*results.metrics, *results.distances)}
    present = [infos[key] for key in keys if key in infos]
    return Table(
        name=name,
        title=title,
        columns=[
            Column(title=i.title, decimals=i.decimals, is_higher_better=i.is_higher_better)
            for i in present
        ],
        rows={
            method: [results.value(method, i.key) for i in present] for method in results.methods
        },
        notes=_notes(results, present, is_complete="cpbd" in keys),
    )


def _notes(results: Results, infos: list[MetricInfo], is_complete: bool) -> list[str]:
    which = "the frames between the keyframes" if results.scored == "between" else "all frames"
    notes = [
        f"Clips: {len(results.clips)}, of {results.num_frames} frames, {results.width}x"
        f"{results.height}; averages over {which}. Measured here: not to be compared with the "
        "paper's numbers, whose networks are not stated."
    ]
    if any(info.key in ("frechet", "kernel") for info in infos) and len(results.clips) < 256:
        notes.append(
            f"Distances of sets from {len(results.clips)} videos are rough; the paper has 1000."
        )
    notes += [f"{info.title}: {info.weights}." for info in infos if info.weights != "none"]
    notes += [f"{name}: {text}." for name, text in results.methods.items() if text != "none"]
    if is_complete:
        notes += [f"Left out: {reason}" for reason in results.left_out]
    return notes
