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
    has_plain_decoder: bool = False
    """Whether it needs weights of the stage ``autoencoder``, whose decoder still draws images
    alone; those that come with the program are not."""


EXPERIMENTS: dict[str, Experiment] = {
    "rectification": Experiment(
        settings=rectification.RectificationConfig,
        stages=rectification.STAGES,
        run=rectification.run,
        has_plain_decoder=True,
    ),
    "decoder": Experiment(
        settings=decoder.DecoderConfig,
        stages=decoder.STAGES,
        run=decoder.run,
        has_plain_decoder=True,
    ),
    "sketch": Experiment(settings=sketch.SketchConfig, stages=sketch.STAGES, run=sketch.run),
}
