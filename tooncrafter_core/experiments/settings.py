"""The settings of an experiment: those of its trainings, the seeds, and what is measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf

from ..checkpoints.weight_packages import describe_file
from ..errors import TrainingError
from ..evaluation.procedural import FIRST_SEED
from ..files import read_json, write_json
from ..interpolation.settings import InterpolationSettings
from ..training.settings.config import RunConfig
from ..training.settings.read import (
    check_values,
    merge_settings,
    parse_overrides,
    read_file,
    to_object,
)
from ..training.stages.registry import find_stage

RECIPES = Path(__file__).parent / "recipes"
IDENTITY = "experiment.json"


@dataclass(kw_only=True)
class EvaluationConfig:
    """The clips and metrics of the evaluation."""

    clips: int = 48
    """Number of procedural clips, which are not used for training."""
    steps: int = 1
    """Sampling steps; a model that warps the keyframes needs one."""
    guidance_scale: float = 1.0
    """1 is without guidance."""
    metrics: list[str] = field(default_factory=lambda: ["psnr", "lpips"])


@dataclass(kw_only=True)
class ExperimentConfig:
    """Settings of all experiments; subclasses add those of their trainings."""

    seeds: int = 3
    first_seed: int = 0
    evaluate: EvaluationConfig = field(default_factory=EvaluationConfig)

    @property
    def seed_numbers(self) -> range:
        """The seeds, one after the other."""
        return range(self.first_seed, self.first_seed + self.seeds)

    def trainings(self) -> Iterator[tuple[str, RunConfig]]:
        """Every training's settings by its field."""
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, RunConfig):
                yield each.name, value


def read_experiment(
    name: str,
    kind: type[ExperimentConfig],
    stages: Mapping[str, str],
    file: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> ExperimentConfig:
    """The settings of an experiment: its recipe, then a file, then ``key=value``, checked.

    ``stages`` names the stage of each training. ``TrainingError`` as for a run's settings, and
    for trainings that would see the clips that are measured on.
    """
    base: Any = OmegaConf.structured(kind)
    for part, stage in stages.items():
        base[part].stage = OmegaConf.structured(find_stage(stage).settings)
        base[part].out = part
    given = [
        ("the recipe", read_file(RECIPES / f"{name}.yaml")),
        *([(f"'{file}'", read_file(Path(file)))] if file is not None else []),
        ("the command", parse_overrides(overrides)),
    ]
    config = cast(ExperimentConfig, to_object(merge_settings(base, given)))
    _check(config)
    return config


def to_yaml(config: ExperimentConfig) -> str:
    """The settings as a file that ``--config`` takes."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def check_same(config: ExperimentConfig, start: Path, folder: Path) -> None:
    """Record an experiment's settings and weights in its folder.

    ``TrainingError`` when the folder holds another experiment: its finished parts would be taken
    for this one's. More seeds are the same experiment.
    """
    flat = dict(_flat(asdict(config)))
    del flat["seeds"], flat["first_seed"]
    identity = {**flat, "start": describe_file(start)}
    found = read_json(folder / IDENTITY)
    if found is None:
        write_json(folder / IDENTITY, identity)
        return
    for key in sorted({*found, *identity}):
        if found.get(key) != identity.get(key):
            raise TrainingError(
                f"'{folder}' holds parts made with {key}={found.get(key)}, not "
                f"{identity.get(key)}. Set it as before, or choose another folder with -o."
            )


def sampling(config: EvaluationConfig) -> InterpolationSettings:
    """How clips are drawn."""
    return InterpolationSettings(steps=config.steps, guidance_scale=config.guidance_scale)


def part_config(
    config: RunConfig, folder: Path, seed: int, start: Path, **changes: Any
) -> RunConfig:
    """A training of its own: with a folder, a seed and weights to begin with.

    ``changes`` replace fields, those of ``data``, ``stage`` and ``start`` given as mappings.
    """
    inner = {
        name: replace(getattr(config, name), **value) if isinstance(value, Mapping) else value
        for name, value in {
            **changes,
            "start": {"checkpoint": str(start)} | changes.get("start", {}),
        }.items()
    }
    return replace(config, out=str(folder), seed=seed, **inner)


def _check(config: ExperimentConfig) -> None:
    if config.seeds < 1 or config.first_seed < 0 or config.evaluate.clips < 2:
        raise TrainingError(
            "An experiment needs a seed or more, none below 0, and two clips or more to measure; "
            f"not {config.seeds} seeds from {config.first_seed} and {config.evaluate.clips} clips."
        )
    sampling(config.evaluate)
    # One process trains all parts, and it is set up once.
    machines = {(run.machine.device, run.machine.precision) for _, run in config.trainings()}
    if len(machines) > 1:
        raise TrainingError(
            "All trainings of an experiment compute on one device in one precision: set "
            "machine.device and machine.precision of each alike."
        )
    measured = range(FIRST_SEED, FIRST_SEED + config.evaluate.clips)
    for name, run in config.trainings():
        check_values(run)
        data = run.data
        last = data.first_seed + data.clips - 1
        if data.source == "procedural" and data.first_seed <= measured[-1] and last >= measured[0]:
            raise TrainingError(
                f"The clips of '{name}', drawn from the seeds {data.first_seed} to {last}, contain "
                f"those that are measured on, {measured[0]} to {measured[-1]}. Set "
                f"{name}.data.first_seed higher."
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
