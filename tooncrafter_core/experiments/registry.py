"""The experiments by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import decoder, rectification, sketch
from .bench import Bench
from .settings import ExperimentConfig


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment that can be run."""

    settings: type[ExperimentConfig]
    stages: Mapping[str, str]
    """Of each training among the settings its stage."""
    run: Callable[[Any, Path, Bench], list[Path]]
    """Settings, the weights to begin with and the folder, to what was written."""


EXPERIMENTS: dict[str, Experiment] = {
    "rectification": Experiment(
        settings=rectification.RectificationConfig,
        stages=rectification.STAGES,
        run=rectification.run,
    ),
    "decoder": Experiment(settings=decoder.DecoderConfig, stages=decoder.STAGES, run=decoder.run),
    "sketch": Experiment(settings=sketch.SketchConfig, stages=sketch.STAGES, run=sketch.run),
}
