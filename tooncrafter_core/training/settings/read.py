"""Reads a run's settings: preset, then file, then ``key=value``; unknown keys are errors."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ...config.dtypes import COMPUTED
from ...errors import TrainingError
from ...files import read_text
from ...pictures.fitting import FIT_MODES
from ..groups import Group
from .config import ATTENTIONS, DEVICES, SCHEDULES, SOURCES, RunConfig

Values = Mapping[str, object]

CHOICES = {
    "data.source": SOURCES,
    "data.look": ("cartoon", "live", "lines", "painted", "mixed", "all"),
    "data.fit": FIT_MODES,
    "data.lines": ("line_art", "exact"),
    "optimizer.schedule": SCHEDULES,
    "machine.device": DEVICES,
    "machine.precision": COMPUTED,
    "machine.frozen_precision": COMPUTED,
    "machine.attention": ATTENTIONS,
    "output.dtype": COMPUTED,
}

MOST_FRAMES = 10_000
LEAST = {
    "steps": 0, "seed": 0, "batch_size": 1, "data.first_seed": 0, "data.clips": 1,
    "data.num_frames": 2, "data.held_out": 0,
    "data.workers": 0, "data.variants": 1, "data.drawn_frames": 2,
    "optimizer.learning_rate": 0, "optimizer.warmup": 0, "optimizer.schedule_steps": 0,
    "optimizer.weight_decay": 0, "optimizer.clip_norm": 0, "optimizer.ema_decay": 0,
    "lora.rank": 0, "machine.micro_batch": 1, "machine.threads": 1, "output.log_every": 1,
    "output.checkpoint_every": 1, "output.keep_checkpoints": 1, "output.sheet_every": 0,
    "output.sheet_clips": 1, "output.sheet_steps": 1, "output.validate_every": 0,
}  # fmt: skip


def read_settings(
    stage_settings: Any,
    preset: Values,
    file: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> RunConfig:
    """The settings of a run, checked.

    ``stage_settings`` is the stage's own dataclass; ``preset`` a nested mapping; ``file`` YAML;
    ``overrides`` are ``key=value`` with dots between the parts of a key. ``TrainingError`` names a
    key that does not exist and the nearest that does, and a value that cannot be used.
    """
    base: Any = OmegaConf.structured(RunConfig)
    base.stage = OmegaConf.structured(stage_settings)
    given = [
        ("the preset", OmegaConf.create(dict(preset))),
        *([(f"'{file}'", read_file(Path(file)))] if file is not None else []),
        ("the command", parse_overrides(overrides)),
    ]
    base = merge_settings(base, given)
    if OmegaConf.is_missing(base, "out"):
        raise TrainingError("Say where the run goes: out=FOLDER.")
    config = cast(RunConfig, to_object(base))
    check_values(config)
    return config


def merge_settings(base: Any, given: Sequence[tuple[str, DictConfig]]) -> Any:
    """A typed config with the values of several sources applied in order, each with its name.

    ``TrainingError`` for a key that the config does not have and a value of another kind.
    """
    for where, values in given:
        _check_keys(base, values, where)
        try:
            base = OmegaConf.merge(base, values)
        except OmegaConfBaseException as error:
            raise _wrong_value(error, where) from error
    return base


def to_object(settings: Any) -> Any:
    """Typed settings as an object; ``TrainingError`` for a reference, ``${x}``, to nothing."""
    try:
        return OmegaConf.to_object(settings)
    except OmegaConfBaseException as error:
        raise _wrong_value(error, "a setting that refers to others") from error


def check_values(config: RunConfig) -> None:
    """``TrainingError`` for a value outside its range or choices."""
    values = OmegaConf.structured(config)
    for key, choices in CHOICES.items():
        value = OmegaConf.select(values, key)
        if value not in choices:
            raise TrainingError(f"{key} is one of {', '.join(choices)}; not '{value}'.")
    for key, least in LEAST.items():
        value = OmegaConf.select(values, key)
        if value is not None and not value >= least:
            raise TrainingError(f"{key} must be {least} or more, not {value}.")
    if config.data.num_frames > MOST_FRAMES:
        raise TrainingError(
            f"data.num_frames must be {MOST_FRAMES} or fewer, not {config.data.num_frames}."
        )
    if config.optimizer.ema_decay is not None and config.optimizer.ema_decay >= 1:
        raise TrainingError(
            f"optimizer.ema_decay lies below 1, such as 0.999; not {config.optimizer.ema_decay}."
        )
    if len(config.optimizer.betas) != 2 or not all(0 <= b < 1 for b in config.optimizer.betas):
        raise TrainingError(
            f"optimizer.betas are two numbers from 0 to below 1; not {config.optimizer.betas}."
        )
    groups_of(config)


def groups_of(config: RunConfig) -> tuple[Group, ...]:
    """The groups named in ``learn``; ``TrainingError`` for an unknown name."""
    names = [group.value for group in Group]
    for name in config.learn:
        if name not in names:
            raise TrainingError(
                f"learn names no group '{name}'{_nearest(name, names)} "
                f"The groups are {', '.join(names)}."
            )
    return tuple(group for group in Group if group.value in config.learn)


def to_yaml(config: RunConfig) -> str:
    """The settings as a file that ``--config`` takes."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def changed_from(preset: Values, config: RunConfig, key: str) -> bool:
    """Whether a setting is no longer what the preset has."""
    return OmegaConf.select(OmegaConf.create(dict(preset)), key) != OmegaConf.select(
        OmegaConf.structured(config), key
    )


def known_keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Every key of a config with dots between its parts."""
    for name in node:
        key = f"{prefix}{name}"
        value = node._get_node(name)
        if isinstance(value, DictConfig):
            yield from known_keys(value, f"{key}.")
        else:
            yield key


def read_file(path: Path) -> DictConfig:
    """The settings of a YAML file; ``TrainingError`` when it cannot be read or holds none."""
    text = read_text(path, TrainingError)
    try:
        values = OmegaConf.create(text) if text.strip() else None
    except (yaml.YAMLError, ValueError, RecursionError, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"'{path}' is no YAML file that can be read: {reason}") from error
    if not isinstance(values, DictConfig):
        raise TrainingError(f"'{path}' must hold keys and values, such as 'steps: 1000'.")
    return values


def parse_overrides(overrides: Sequence[str]) -> DictConfig:
    """The settings of ``key=value`` texts; ``TrainingError`` for any other text."""
    for text in overrides:
        if "=" not in text or text.startswith("="):
            raise TrainingError(f"'{text}' is no setting: write key=value, such as steps=1000.")
    try:
        return OmegaConf.from_dotlist(list(overrides))
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"A setting of the command cannot be read: {reason}") from error


def _check_keys(base: DictConfig, values: DictConfig, where: str) -> None:
    known = list(known_keys(base))
    parts = {key.rsplit(".", 1)[0] for key in known if "." in key}
    for key in known_keys(values):
        if key in known:
            continue
        if key in parts:
            inner = next(name for name in known if name.startswith(f"{key}."))
            raise TrainingError(
                f"'{key}' holds settings and is none itself: write for example {inner}=VALUE."
            )
        raise TrainingError(f"There is no setting '{key}', which {where} has{_nearest(key, known)}")


def _nearest(name: str, known: Sequence[str]) -> str:
    """The end of a sentence about a name that does not exist."""
    lasts = {key.rsplit(".", 1)[-1]: key for key in known}
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not close:
        close = difflib.get_close_matches(name.rsplit(".", 1)[-1], lasts, n=1, cutoff=0.6)
        close = [lasts[key] for key in close]
    return f"; did you mean '{close[0]}'?" if close else "."


def _wrong_value(error: OmegaConfBaseException, where: str) -> TrainingError:
    key = getattr(error, "full_key", None) or "a setting"
    reason = str(error.msg if hasattr(error, "msg") else error).splitlines()[0]
    return TrainingError(f"{key} cannot be what {where} says: {reason}.")
