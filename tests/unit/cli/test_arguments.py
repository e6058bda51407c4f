"""Settings may stand before and after options."""

import argparse
from dataclasses import fields

import pytest

from tooncrafter_core.cli import build_parser, parse
from tooncrafter_core.cli.dataset_options import SCORED, SHOTS, THRESHOLDS
from tooncrafter_core.data.build.decide import Thresholds
from tooncrafter_core.data.build.settings import BuildSettings
from tooncrafter_core.data.build.shots import ShotSettings
from tooncrafter_core.interpolation.settings import InterpolationSettings


@pytest.mark.parametrize(
    "words",
    [
        "train base steps=1 out=x --config file.yaml",
        "train base --config file.yaml steps=1 out=x",
        "train base steps=1 --config file.yaml out=x",
    ],
)
def test_settings_stand_before_or_after_options(words: str) -> None:
    args = parse(words.split())
    assert args.settings == ["steps=1", "out=x"] and args.config == "file.yaml"


@pytest.mark.parametrize("words", ["train base --confg file.yaml", "inspect a.ckpt b=c"])
def test_what_no_command_knows_is_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(words.split())
    assert stop.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["interpolate", "cut"])
def test_every_option_of_pictures_and_sampling_reaches_the_settings(command: str) -> None:
    """An option whose name is no field would be taken and forgotten."""
    (commands,) = (
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    groups = commands.choices[command]._action_groups
    names = {
        action.dest
        for group in groups
        if group.title in ("picture", "sampling")
        for action in group._group_actions
    }
    assert {"width", "steps"} <= names
    assert names - {field.name for field in fields(InterpolationSettings)} <= {"preset"}


@pytest.mark.parametrize(
    ("names", "kind"), [(SHOTS, ShotSettings), (THRESHOLDS, Thresholds), (SCORED, BuildSettings)]
)
def test_options_of_data_sets_are_fields_of_their_settings(names: object, kind: type) -> None:
    assert {*names} <= {field.name for field in fields(kind)}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("cut --on x -o out", "argument --on: invalid int value: 'x'"),
        ("interpolate a.png", "required: END"),
        ("paint", "invalid choice: 'paint'"),
    ],
)
def test_wrong_arguments_are_one_sentence_that_names_the_help(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(words.split())
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert says in said and "--help' lists what it takes." in said
