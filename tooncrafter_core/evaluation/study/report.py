"""Turns raters' answers into shares of preference, as in the paper's Table 2."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import EvaluationError
from ...files import in_order, read_json_text
from .page import KEY_FORMAT, QUESTIONS, VERSION

ANSWERS_FORMAT = "tooncrafter-study-answers"
CONFIDENCE = 1.959963984540054
"""Standard deviations of a 95 % interval."""


def wilson_interval(successes: int, total: int, z: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a share, by Wilson's score (1927); [0, 1] when nothing was counted."""
    if total == 0:
        return 0.0, 1.0
    share = successes / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


@dataclass(kw_only=True)
class StudyReport:
    """The counted answers of a study."""

    methods: dict[str, str]
    """Name and weights."""
    num_raters: int
    wins: dict[str, Counter[str]] = field(default_factory=dict)
    """Question, method: how often it was preferred."""
    seen: Counter[str] = field(default_factory=Counter)
    """Method: how often it was judged, by any one question."""
    against: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """Question, (winner, loser): how often."""

    @property
    def num_trials(self) -> int:
        """Pairs judged, by all raters together."""
        return sum(self.seen.values()) // 2

    def share(self, question: str, method: str) -> tuple[float, float, float]:
        """How often a method was preferred when shown, with its 95 % interval."""
        wins, seen = self.wins[question][method], self.seen[method]
        return wins / seen if seen else math.nan, *wilson_interval(wins, seen)

    def to_json(self) -> dict[str, Any]:
        """Everything, for other programs."""
        return {
            "raters": self.num_raters,
            "judged_pairs": self.num_trials,
            "methods": {
                method: {
                    "weights": weights,
                    "judged": self.seen[method],
                    **{
                        question: dict(
                            zip(("share", "low", "high"), self.share(question, method), strict=True)
                        )
                        for question in QUESTIONS
                        if self.seen[method]
                    },
                }
                for method, weights in self.methods.items()
            },
        }

    def to_markdown(self) -> str:
        """Shares of each method, then of each pair."""
        lines = ["### User study (shape of the paper's Table 2)", ""]
        lines.append("| method | " + " | ".join(f"{q} %" for q in QUESTIONS) + " | judged |")
        lines.append("|" + "---|" * (len(QUESTIONS) + 2))
        for method in self.methods:
            cells = [_percent(*self.share(question, method)) for question in QUESTIONS]
            lines.append(f"| {method} | {' | '.join(cells)} | {self.seen[method]} |")
        lines += ["", "| pair | " + " | ".join(f"{q} %" for q in QUESTIONS) + " | judged |"]
        lines.append("|" + "---|" * (len(QUESTIONS) + 2))
        for one, other in self._pairs():
            cells, judged = [], 0
            for question in QUESTIONS:
                won = self.against[question][one, other]
                judged = won + self.against[question][other, one]
                cells.append(_percent(won / judged, *wilson_interval(won, judged)))
            lines.append(f"| {one} over {other} | {' | '.join(cells)} | {judged} |")
        lines += [
            "",
            f"- {self.num_raters} raters, {self.num_trials} judged pairs. A share is how often a "
            "method was preferred when it was shown, so 50 is chance; in brackets Wilson's 95 % "
            "interval, which takes all answers as independent.",
            "- The paper's shares are of votes among all five methods at once: not comparable.",
            *(f"- {method}: {text}." for method, text in self.methods.items() if text != "none"),
            "",
        ]
        return "\n".join(lines)

    def _pairs(self) -> list[tuple[str, str]]:
        """Pairs that were judged, in the methods' order."""
        names = list(self.methods)
        met = {frozenset(pair) for pair in self.against[QUESTIONS[0]]}
        return [
            (one, other)
            for index, one in enumerate(names)
            for other in names[index + 1 :]
            if frozenset((one, other)) in met
        ]


def _percent(share: float, low: float, high: float) -> str:
    if math.isnan(share):
        return "-"
    return f"{100 * share:.0f} ({100 * low:.0f} to {100 * high:.0f})"


def report_study(key_file: str | Path, answers: Sequence[str | Path]) -> StudyReport:
    """Count the answers of files and of folders of files.

    Two files of the same rater count once, the later export wins. ``EvaluationError`` for a key or
    answers that cannot be read or belong to another study, and when there are no answers.
    """
    key = _read(Path(key_file), KEY_FORMAT, "the key of a study")
    files = [file for path in answers for file in _files(Path(path))]
    by_rater: dict[str, dict[str, Any]] = {}
    for file in files:
        content = _read(file, ANSWERS_FORMAT, "the answers of a study")
        if content.get("study") != key["study"]:
            raise EvaluationError(f"'{file.name}' answers another study than '{key_file}'.")
        kept = by_rater.get(content["rater"])
        if kept is None or content["exported"] > kept["exported"]:
            by_rater[content["rater"]] = content
    report = StudyReport(methods=key["methods"], num_raters=len(by_rater))
    report.wins = {question: Counter() for question in QUESTIONS}
    report.against = {question: Counter() for question in QUESTIONS}
    for content in by_rater.values():
        for answer in content["answers"]:
            _count(report, answer, key["trials"], content["rater"])
    if not report.num_trials:
        raise EvaluationError("There are no answers to report: nobody judged a whole pair.")
    return report


def _count(report: StudyReport, answer: dict[str, Any], trials: dict[str, Any], rater: str) -> None:
    trial = trials.get(str(answer.get("trial")))
    if trial is None or any(answer.get(question) not in ("a", "b") for question in QUESTIONS):
        raise EvaluationError(
            f"The answers of '{rater}' are damaged: {json.dumps(answer)[:120]} is no answer to a "
            "pair of this study."
        )
    for side in ("a", "b"):
        report.seen[trial[side]] += 1
    for question in QUESTIONS:
        winner = answer[question]
        loser = "b" if winner == "a" else "a"
        report.wins[question][trial[winner]] += 1
        report.against[question][trial[winner], trial[loser]] += 1


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = in_order(path.glob("*.json"))
    if not files:
        raise EvaluationError(f"The folder '{path}' holds no answers (.json files).")
    return files


def _read(path: Path, form: str, what: str) -> dict[str, Any]:
    if not path.exists():
        raise EvaluationError(f"There is no file '{path}', which should hold {what}.")
    content = read_json_text(path, EvaluationError)
    if not isinstance(content, dict) or content.get("format") != form:
        raise EvaluationError(f"'{path}' does not hold {what}.")
    if content.get("version") != VERSION:
        raise EvaluationError(
            f"'{path}' is of version {content.get('version')}, this program reads {VERSION}."
        )
    return content
