"""Keeps or rejects clips by their scores; other thresholds need no new scores."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from ...errors import DatasetError
from ..clips.split import choose_split

Row = dict[str, Any]
"""A row of the manifest: a value for every column, None where it is not known."""
KEPT, REJECTED, ERROR = "kept", "rejected", "error"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The thresholds that a clip must pass. The paper states none; the defaults are ours.

    They were chosen from the distributions on real cartoons (docs/dataset.md). None switches a
    filter off; so does a score that was not computed.
    """

    min_motion: float | None = 0.01
    """Picture heights a second, mean optical flow: less is a still shot."""
    max_text: float | None = 0.03
    """Share of the picture: more is a title or credits."""
    min_aesthetic: float | None = 4.0
    """LAION's score; where photographs of middling quality begin."""
    min_agreement: float | None = 0.2
    """Cosine of caption and frames; CLIP gives unrelated pairs about 0.1, good ones 0.3."""
    evaluation_share: float = 1 / 271
    """Share of the shots for evaluation; the paper holds out 1 K of 271 K clips."""
    seed: int = 0
    """Seed of the split."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not math.isfinite(value):
                raise DatasetError(f"{name} must be a finite number; got {value}.")
        if not 0 <= self.evaluation_share <= 1:
            raise DatasetError(
                f"The share for evaluation lies in 0 to 1; got {self.evaluation_share:g}."
            )


FILTERS = (
    ("motion", "min_motion", "still shot"),
    ("text", "max_text", "text"),
    ("aesthetic", "min_aesthetic", "low aesthetic score"),
    ("agreement", "min_agreement", "caption does not fit"),
)
"""Score, threshold and the reason given for a clip that fails, in the paper's order."""


def decide(row: Row, thresholds: Thresholds) -> Row:
    """A manifest row with its decision, every reason for it, and its split."""
    if row["error"]:
        return {**row, "decision": ERROR, "reason": "cannot be read", "split": None}
    if row["duplicate_of"]:
        reason = f"the same file as {row['duplicate_of']}"
        return {**row, "decision": REJECTED, "reason": reason, "split": None}
    if row["clip_id"] is None:
        reason = "no shot is long enough for a clip"
        return {**row, "decision": REJECTED, "reason": reason, "split": None}
    limits = asdict(thresholds)
    reasons = [
        f"{words} ({score} {row[score]:.4g}, {limit.replace('_', ' ')} {limits[limit]:g})"
        for score, limit, words in FILTERS
        if fails(row[score], limit, limits[limit])
    ]
    split = choose_split(row["sha256"], row["shot"], thresholds.evaluation_share, thresholds.seed)
    return {
        **row,
        "decision": REJECTED if reasons else KEPT,
        "reason": "; ".join(reasons) or None,
        "split": None if reasons else split,
    }


def fails(score: float | None, limit: str, value: float | None) -> bool:
    """Whether a score is on the wrong side of a threshold; unknown ones never are."""
    if score is None or value is None:
        return False
    return score < value if limit.startswith("min") else score > value
