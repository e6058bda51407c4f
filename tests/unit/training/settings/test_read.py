"""Settings from a preset, a file and the command; what is not known is reported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tooncrafter_core.errors import TrainingError
from tooncrafter_core.training.settings.config import RunConfig
from tooncrafter_core.training.settings.presets import PRESETS
from tooncrafter_core.training.settings.read import read_settings, to_yaml
from tooncrafter_core.training.stages.registry import STAGES


@dataclass(kw_only=True)
class Own:
    """A stage's own settings."""

    share: float = 0.5


def read(*overrides: str, preset: dict[str, Any] | None = None, file: Path | None = None) -> Any:
    return read_settings(Own, preset or {}, file, ["out=runs/x", *overrides])


def test_the_command_counts_more_than_the_file_and_the_file_more_than_the_preset(
    tmp_path: Path,
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("steps: 20\noptimizer: {learning_rate: 2e-4, warmup: 20}\nlearn: [spatial]\n")
    preset = {"steps": 10, "seed": 10, "optimizer": {"learning_rate": 1e-4, "weight_decay": 0.1}}
    config = read("steps=30", "stage.share=0.25", preset=preset, file=file)
    optimizer = config.optimizer
    assert (config.steps, config.seed, config.stage.share) == (30, 10, 0.25)
    assert (optimizer.learning_rate, optimizer.warmup, optimizer.weight_decay) == (2e-4, 20, 0.1)
    assert config.learn == ["spatial"] and isinstance(config, RunConfig)


def test_settings_come_back_from_their_file(tmp_path: Path) -> None:
    config = read("steps=3", "machine.micro_batch=2", "stage.share=0.125", "learn=[projector]")
    file = tmp_path / "settings.yaml"
    file.write_text(to_yaml(config))
    assert read_settings(Own, {}, file) == config


@pytest.mark.parametrize("stage", STAGES)
def test_every_preset_can_be_read(stage: str) -> None:
    kind = STAGES[stage]
    assert kind.presets == PRESETS[stage]
    for preset in kind.presets.values():
        config = read_settings(kind.settings, preset, None, ["out=x"])
        reported = frozenset(config.learn)
        assert config.lora.rank or reported in {
            frozenset(g.value for g in m) for m in kind.mixtures
        }


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("step=3", r"no setting 'step', which the command has; did you mean 'steps'\?"),
        ("learning_rte=1", r"did you mean 'optimizer\.learning_rate'\?"),
        ("data.sorce=a", r"did you mean 'data\.source'\?"),
        ("stage.shar=1", r"did you mean 'stage\.share'\?"),
        ("qqq=1", r"no setting 'qqq', which the command has\.$"),
        ("steps=many", r"steps cannot be what the command says: Value 'many'"),
        ("steps=null", r"steps cannot be what the command says"),
        ("steps=-1", r"steps must be 0 or more, not -1"),
        ("data.source=film", r"one of procedural, folders, videos, shards; not 'film'"),
        ("machine.precision=half", r"machine\.precision is one of fp32, bf16, fp16"),
        ("learn=[spacial]", r"no group 'spacial'; did you mean 'spatial'\? The groups are spatial"),
        ("optimizer.betas=[0.9]", r"betas are two numbers"),
        ("optimizer.ema_decay=1.0", r"ema_decay lies below 1"),
        ("data=3", r"'data' holds settings and is none itself: write for example data\.source="),
        ("steps", r"'steps' is no setting: write key=value"),
        ("learn=[a", r"cannot be read"),
    ],
)
def test_what_is_wrong_is_reported_with_what_is_near(wrong: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        read(wrong)


def test_a_run_without_a_folder_is_reported() -> None:
    with pytest.raises(TrainingError, match="Say where the run goes: out=FOLDER"):
        read_settings(Own, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stepps: 3", r"no setting 'stepps', which '.*run.yaml' has; did you mean 'steps'"),
        ("- 1\n- 2", r"must hold keys and values"),
        ("steps: [", r"no YAML file that can be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_reported(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(TrainingError, match=words):
        read(file=file)
    with pytest.raises(TrainingError, match="There is no file"):
        read(file=tmp_path / "other.yaml")
