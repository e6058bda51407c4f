"""The results of a comparison, as stored in ``results.json``.

Legend: a value for each frame of each clip of each method; ``None`` where there is none.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean

from ..errors import EvaluationError
from ..files import read_json_text, write_text

FORMAT = "tooncrafter-evaluation"
VERSION = 1
FILE_NAME = "results.json"


@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """How a quantity is shown, and which weights it comes from."""

    key: str
    title: str
    is_higher_better: bool
    decimals: int
    weights: str


@dataclass(kw_only=True)
class Results:
    """All results of a comparison; tables and pages are made from it."""

    kind: str
    """``compare`` or ``reconstruct``."""
    num_frames: int
    width: int
    height: int
    scored: str = "between"
    """Which frames the averages take: ``between`` the keyframes, or ``all``."""
    metrics: list[MetricInfo] = field(default_factory=list)
    distances: list[MetricInfo] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)
    """Name and weights, in the order of the tables; the true frames first."""
    clips: dict[str, str] = field(default_factory=dict)
    """Name and prompt."""
    frames: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    """Method, clip, metric: a number for each frame."""
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    """Method, distance: a number."""

    def scored_frames(self) -> slice:
        """The frames that averages are taken over."""
        return slice(1, -1) if self.scored == "between" else slice(None)

    def of_clip(self, method: str, clip: str, metric: str) -> float | None:
        """The average over a clip's frames."""
        values = self.frames.get(method, {}).get(clip, {}).get(metric)
        return fmean(values[self.scored_frames()]) if values else None

    def average(self, method: str, metric: str) -> float | None:
        """The average over all clips, None unless every clip has a value."""
        values = [self.of_clip(method, clip, metric) for clip in self.clips]
        known = [value for value in values if value is not None]
        return fmean(known) if known and len(known) == len(values) else None

    def value(self, method: str, key: str) -> float | None:
        """A method's number in a table: a distance of its set, or the average of a metric."""
        distances = self.sets.get(method, {})
        return distances[key] if key in distances else self.average(method, key)

    def by_frame(self, method: str, metric: str) -> list[float]:
        """The average over all clips for each frame; empty when there is none."""
        rows = [of[metric] for of in self.frames.get(method, {}).values() if metric in of]
        return [fmean(column) for column in zip(*rows, strict=True)]

    def save(self, folder: Path) -> Path:
        """Write ``results.json`` into the folder, whole or not at all."""
        path = folder / FILE_NAME
        content = {"format": FORMAT, "version": VERSION, **asdict(self)}
        write_text(path, json.dumps(content, indent=1, ensure_ascii=False))
        return path


def load_results(folder: str | Path) -> Results:
    """Read the results of an earlier comparison.

    ``EvaluationError`` when there are none, or they are damaged or of another version.
    """
    path = Path(folder) / FILE_NAME
    if not path.exists():
        raise EvaluationError(
            f"There is no '{FILE_NAME}' in '{folder}'. Make it with 'evaluate compare -o {folder}'."
        )
    content = read_json_text(path, EvaluationError)
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise EvaluationError(f"'{path}' holds no results of an evaluation.")
    if (version := content.pop("version", None)) != VERSION:
        raise EvaluationError(
            f"'{path}' is of version {version}, this program reads version {VERSION}. Run the "
            "comparison again: frames that were made are kept."
        )
    try:
        for key in ("metrics", "distances"):
            content[key] = [MetricInfo(**info) for info in content[key]]
        return Results(**content)
    except (KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(
            f"'{path}' is damaged: it lacks parts of the results. Run the comparison again: frames "
            "that were made are kept."
        ) from error
