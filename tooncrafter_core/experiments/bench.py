"""The steps of every experiment: train each of its parts once, and measure what they draw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import torch

from ..errors import TrainingError
from ..evaluation.compare import CompareSettings, compare
from ..evaluation.methods.peers import Peer, Rebuilder
from ..evaluation.metrics import Toolbox, make_toolbox
from ..evaluation.procedural import procedural_clips
from ..evaluation.results import MetricInfo, Results
from ..files import remove_folder, write_text
from ..interpolation.session import Session, SessionSettings
from ..metrics.line_distance import LINE_METRIC
from ..training.inputs import prepared
from ..training.outputs import checkpointing
from ..training.run import Report, train
from ..training.settings.config import RunConfig
from ..training.stages.registry import find_stage
from .settings import EvaluationConfig
from .spread import BySeed, Measured

Methods = Mapping[str, Mapping[int | None, str]]
"""For each row, the method's name in the results, by seed."""
RESULTS = "results.md"
INTERMEDIATE = {
    checkpointing.CHECKPOINTS: [f"step-*/{name}" for name in checkpointing.FILES],
    prepared.PREPARED: prepared.FILES,
}
"""What is no longer needed when a training is done: folders, and what it wrote there."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """An experiment's folder, and where its progress is reported."""

    folder: Path
    report: Report
    is_quiet: bool = False

    def train(self, stage: str, config: RunConfig) -> Path:
        """The result of a training; a finished one is not repeated, a stopped one continues."""
        kind, folder = find_stage(stage), Path(config.out)
        result = folder / kind.result
        if not result.is_file():
            self.report(f"training {folder.name}")
            train(kind, config, self.report, self.is_quiet)
        for name, written in INTERMEDIATE.items():
            if (folder / name).exists():
                remove_folder(folder / name, written)
        return result

    def measure(
        self,
        peers: Sequence[Peer | Rebuilder],
        config: EvaluationConfig,
        run: RunConfig,
        settings: CompareSettings,
    ) -> Results:
        """Let peers draw clips of the run's size that are not used for training, and measure."""
        if run.machine.threads is not None:
            torch.set_num_threads(run.machine.threads)
        size = run.data.width, run.data.height, run.data.num_frames
        clips = procedural_clips(config.clips, self.folder / "clips", *size)
        self.report(f"measuring {len(peers)} methods on {len(clips)} clips")
        settings = replace(settings, width=size[0], height=size[1], num_frames=size[2])
        toolbox = choose_metrics(config.metrics)
        return compare(clips, peers, toolbox, settings, self.folder / "measured")

    def write(self, texts: Sequence[str], tables: Mapping[str, str]) -> list[Path]:
        """Write the report and the CSV tables by name; their paths."""
        written = {f"{name}.csv": text for name, text in tables.items()}
        written[RESULTS] = "\n".join(texts)
        for name, text in written.items():
            write_text(self.folder / name, text)
        return [self.folder / name for name in written]


def choose_metrics(names: Sequence[str]) -> Toolbox:
    """The metrics of these keys alone; distances of sets come with their features.

    ``TrainingError`` for a name that is no metric, ``MissingWeightsError`` without LPIPS.
    """
    toolbox = make_toolbox(has_positions=True, is_strict=True)
    known = {metric.key: metric for metric in (*toolbox.metrics, LINE_METRIC)}
    for name in names:
        if name not in known:
            raise TrainingError(
                f"evaluate.metrics names metrics, {', '.join(known)}; not '{name}'."
            )
    return replace(toolbox, metrics=tuple(known[name] for name in names))


def open_model(path: Path) -> Session:
    """A model in float32 on the CPU, loaded when it is first needed."""
    return Session(SessionSettings(checkpoint=path, device="cpu", dtype="fp32", needed={}))


def method_name(row: str, seed: int | None) -> str:
    """The name of a row's training in the results."""
    return row if seed is None else f"{row}, seed {seed}"


def methods_of(names: Sequence[str], seeds: Sequence[int]) -> dict[str, dict[int | None, str]]:
    """``Methods`` of rows that were trained with every seed."""
    return {row: {seed: method_name(row, seed) for seed in seeds} for row in names}


def infos_of(results: Results, keys: Sequence[str]) -> list[MetricInfo]:
    """The quantities that were measured, in the order of their keys."""
    infos = {info.key: info for info in (*results.metrics, *results.distances)}
    return [infos[key] for key in keys if key in infos]


def gather(results: Results, methods: Methods, infos: Sequence[MetricInfo]) -> Measured:
    """Averages over clips by row, quantity and seed."""

    def value(method: str, key: str) -> float:
        found = results.value(method, key)
        if found is None:
            raise RuntimeError(f"'{method}' was not measured by {key}.")
        return found

    return by_seed(methods, [info.key for info in infos], value)


def gather_frames(
    results: Results, methods: Methods, metric: str, frames: Sequence[int]
) -> dict[str, BySeed]:
    """Averages of one metric over some frames of all clips, by row and seed."""

    def value(method: str, key: str) -> float:
        along = results.by_frame(method, key)
        return fmean(along[frame] for frame in frames)

    return {row: found[metric] for row, found in by_seed(methods, [metric], value).items()}


def by_seed(
    methods: Methods, keys: Sequence[str], value: Callable[[str, str], float]
) -> dict[str, dict[str, BySeed]]:
    """A number of every method in every quantity, by row, quantity and seed."""
    return {
        row: {key: {seed: value(name, key) for seed, name in named.items()} for key in keys}
        for row, named in methods.items()
    }


def notes_of(results: Results, infos: Sequence[MetricInfo], seeds: int) -> list[str]:
    """The notes below every table."""
    which = "between the keyframes" if results.scored == "between" else "of all clips"
    notes = [
        f"{len(results.clips)} drawn cartoons of {results.num_frames} frames, {results.width}x"
        f"{results.height}, that no training has seen; averages over the frames {which}; mean ± "
        f"standard deviation over {seeds} seeds."
    ]
    if any(info in infos for info in results.distances):
        notes.append(f"Distances of sets of {len(results.clips)} videos are rough.")
    notes += sorted({f"{info.title}: {info.weights}." for info in infos if info.weights != "none"})
    return notes
