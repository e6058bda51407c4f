"""The report of a build: counts and histograms of each stage, and a sheet of pictures."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DatasetError, counted
from ...files import write_bytes, write_text
from ...pictures.films import CHANGES
from .decide import ERROR, FILTERS, KEPT, REJECTED, fails
from .manifest import ManifestNotes, read_notes, read_rows

BINS = 20


@dataclass(kw_only=True)
class Summary:
    """What a manifest comes to."""

    notes: ManifestNotes
    films: int = 0
    shots: int = 0
    clips: int = 0
    seconds: float = 0.0
    kept_seconds: float = 0.0
    decisions: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    stopped_by: Counter[str] = field(default_factory=Counter)
    """The first filter that a clip failed, in the paper's order."""
    failed: Counter[str] = field(default_factory=Counter)
    """Every filter that a clip failed."""
    scores: dict[str, list[float]] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)
    other_reasons: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    """Films to which the reader did something, by what; see ``pictures.films.CHANGES``."""


def summarise(manifest: str | Path) -> Summary:
    """Count a manifest, a row at a time."""
    summary = Summary(notes=read_notes(manifest))
    limits = asdict(summary.notes.thresholds)
    films: set[str] = set()
    shots: set[tuple[str, int]] = set()
    for row in read_rows(manifest):
        if row["source"] not in films:
            warning = row["warning"] or ""
            summary.changed.update(words for words in CHANGES.values() if words in warning)
        films.add(row["source"])
        summary.decisions[row["decision"]] += 1
        if row["error"]:
            summary.errors.append((row["clip_id"] or row["source"], row["error"]))
        if row["clip_id"] is None or row["error"]:
            if not row["error"]:
                summary.other_reasons[row["reason"]] += 1
            continue
        summary.clips += 1
        shots.add((row["sha256"], row["shot"]))
        seconds = row["out_second"] - row["in_second"]
        summary.seconds += seconds
        if row["decision"] == KEPT:
            summary.kept_seconds += seconds
            summary.splits[row["split"]] += 1
        bad = [name for name, limit, _ in FILTERS if fails(row[name], limit, limits[limit])]
        summary.failed.update(bad)
        summary.stopped_by.update(bad[:1])
        for name, _, _ in FILTERS:
            if row[name] is not None:
                summary.scores.setdefault(name, []).append(row[name])
    summary.films, summary.shots = len(films), len(shots)
    return summary


def check_any_film(manifest: str | Path) -> None:
    """``DatasetError`` where no film could be read at all: scripts must not take that for done."""
    summary = summarise(manifest)
    if not summary.clips and summary.films and len(summary.errors) == summary.films:
        raise DatasetError(
            f"None of the films can be read ({summary.films}). The first: {summary.errors[0][1]}"
        )


def write_report(manifest: str | Path, out: str | Path, with_sheet: bool = True) -> list[Path]:
    """Write ``report.md``, ``report.html`` and, with ``with_sheet``, ``contact_sheet.jpg``."""
    out = Path(out)
    summary = summarise(manifest)
    sheet = None
    if with_sheet:
        from .contact_sheet import contact_sheet

        sheet = contact_sheet(list(read_rows(manifest)))
    written = [out / "report.md", out / "report.html"]
    write_text(written[0], markdown(summary, sheet is not None))
    write_text(written[1], html(summary, sheet is not None))
    if sheet is not None:
        written.append(out / "contact_sheet.jpg")
        write_bytes(written[-1], sheet)
    return written


def tables(summary: Summary) -> list[tuple[str, list[str], list[list[str]]]]:
    """Titles, headings and cells of the report's tables."""
    limits = asdict(summary.notes.thresholds)
    stages = summary.notes.stages
    left, rows = summary.clips, []
    for name, limit, words in FILTERS:
        stopped = summary.stopped_by[name]
        left -= stopped
        made_by = stages.get(name)
        model = made_by["model"] if isinstance(made_by, dict) else str(made_by)
        value = "off" if limits[limit] is None else f"{limit.split('_')[0]} {limits[limit]:g}"
        counts = [summary.failed[name], stopped, left]
        rows.append([words, model, value, *map(str, counts)])
    hours = [f"{seconds / 60:.1f} min" for seconds in (summary.seconds, summary.kept_seconds)]
    counts = [
        ["films", str(summary.films)], ["shots with clips", str(summary.shots)],
        ["clips", f"{summary.clips} ({hours[0]})"],
        ["kept", f"{summary.decisions[KEPT]} ({hours[1]})"],
        ["training / evaluation", f"{summary.splits['train']} / {summary.splits['evaluation']}"],
        ["rejected", str(summary.decisions[REJECTED])], ["errors", str(summary.decisions[ERROR])],
    ]  # fmt: skip
    counts += [[reason, str(count)] for reason, count in summary.other_reasons.most_common(10)]
    counts += [[f"films: {words}", str(count)] for words, count in summary.changed.most_common()]
    found = [
        ("Counts", ["what", "number"], counts),
        ("Filters", ["drops", "by", "threshold", "fail", "stopped here", "left"], rows),
    ]
    if remarks := list(_remarks(summary)):
        found.append(("Remarks", ["what to know"], [[text] for text in remarks]))
    if summary.errors:
        cells = [list(error) for error in summary.errors[:50]]
        found.append(("Errors", ["what", "error"], cells))
    return found


def _remarks(summary: Summary) -> Iterator[str]:
    """What the numbers come to, where somebody could overlook it."""
    share, kept = summary.notes.thresholds.evaluation_share, summary.decisions[KEPT]
    for split, other, is_asked in (
        ("evaluation", "training", share > 0),
        ("train", "evaluation", share < 1),
    ):
        if kept and is_asked and not summary.splits[split]:
            here = "training" if split == "train" else split
            yield (
                f"No clip is for {here}: all {kept} that are kept are for {other}. A share of "
                f"{share:.3g} of all shots is held out for evaluation, and there are "
                f"{counted(summary.shots, 'shot')}. Choose another share, as in: dataset decide "
                "manifest.parquet --evaluation-share 0.1"
            )


def markdown(summary: Summary, has_sheet: bool) -> str:
    """The report as Markdown, histograms as bars of characters."""
    lines = ["# Data set report", ""]
    for title, headings, rows in tables(summary):
        lines += [f"## {title}", "", _line(headings), _line(["---"] * len(headings))]
        lines += [*map(_line, rows), ""]
    for name, edges, counts in _histograms(summary):
        lines += [f"## {name}", "", "```"]
        top = max(counts)
        for i, count in enumerate(counts):
            bar = "#" * -(-40 * count // top)
            lines.append(f"{edges[i]:8.4g} to {edges[i + 1]:8.4g}  {count:6d}  {bar}".rstrip())
        lines += ["```", ""]
    if has_sheet:
        lines += ["![clips](contact_sheet.jpg)", ""]
    return "\n".join(lines)


def html(summary: Summary, has_sheet: bool) -> str:
    """The report as one page, histograms as drawings with the threshold as a line."""
    limits = asdict(summary.notes.thresholds)
    thresholds = {name: limits[limit] for name, limit, _ in FILTERS}
    parts = [_HEAD, "<h1>Data set report</h1>"]
    for title, headings, rows in tables(summary):
        parts += [f"<h2>{title}</h2><table>", _row(headings, "th")]
        parts += [*(_row(row, "td") for row in rows), "</table>"]
    for name, edges, counts in _histograms(summary):
        parts += [f"<h2>{escape(name)}</h2>", _drawing(edges, counts, thresholds[name])]
    if has_sheet:
        parts.append('<h2>Clips</h2><img src="contact_sheet.jpg" alt="clips">')
    return "\n".join(parts)


def _histograms(summary: Summary) -> list[tuple[str, np.ndarray, list[int]]]:
    found = []
    for name, scores in summary.scores.items():
        top = float(np.quantile(scores, 0.98)) * 1.05 if min(scores) >= 0 else max(scores)
        low = min(0.0, min(scores))
        edges = np.linspace(low, max(top, low + 1e-6), BINS + 1)
        counts, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), edges)
        found.append((name, edges, counts.tolist()))
    return found


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _drawing(edges: np.ndarray, counts: Sequence[int], threshold: Any) -> str:
    """A histogram, 480 by 120."""
    top, width = max(counts) or 1, 480 / len(counts)
    bars = [
        f'<rect x="{i * width:.1f}" y="{100 - 100 * count / top:.1f}" width="{width - 1:.1f}" '
        f'height="{100 * count / top:.1f}"><title>{edges[i]:.4g} to {edges[i + 1]:.4g}: {count}'
        "</title></rect>"
        for i, count in enumerate(counts)
    ]
    mark = ""
    if threshold is not None and edges[0] <= threshold <= edges[-1]:
        x = 480 * (threshold - edges[0]) / (edges[-1] - edges[0])
        mark = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="100"/>'
    return (
        f'<svg viewBox="0 0 480 120">{"".join(bars)}{mark}<text x="0" y="116">{edges[0]:.4g}</text>'
        f'<text x="480" y="116" text-anchor="end">{edges[-1]:.4g}</text></svg>'
    )


_HEAD = """<!doctype html><meta charset="utf-8"><title>Data set report</title><style>
body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}
svg{width:100%;max-width:40rem}rect{fill:#4a7ab5}line{stroke:#c33;stroke-width:2}
text{font-size:11px}img{max-width:100%}</style>"""
