"""The experiments by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import decoder_ablation, rectification, sketch
from .bench import Bench
from .settings import ExperimentConfig


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment that can be run."""

    settings: type[ExperimentConfig]
    stages: Mapping[str, str]
    """The stage of each training in the settings."""
    run: Callable[[Any, Path, Bench], list[Path]]
    """Runs it: from settings, first weights and a folder to the files written."""
    has_plain_decoder: bool = False
    """Whether it needs weights whose decoder is the plain image decoder: those of the stage
    ``autoencoder`` or published ones, not those that come with the program."""


EXPERIMENTS: dict[str, Experiment] = {
    "rectification": Experiment(
        settings=rectification.RectificationConfig,
        stages=rectification.STAGES,
        run=rectification.run,
        has_plain_decoder=True,
    ),
    "decoder": Experiment(
        settings=decoder_ablation.DecoderConfig,
        stages=decoder_ablation.STAGES,
        run=decoder_ablation.run,
        has_plain_decoder=True,
    ),
    "sketch": Experiment(settings=sketch.SketchConfig, stages=sketch.STAGES, run=sketch.run),
}
