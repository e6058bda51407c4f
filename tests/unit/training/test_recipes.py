"""The recipes of the mini model are settings that their stages take, each going on from another."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tooncrafter_core import training
from tooncrafter_core.config.presets import PRESETS
from tooncrafter_core.training.run import train
from tooncrafter_core.training.settings.read import read_settings
from tooncrafter_core.training.stages.registry import STAGES

DATA = Path(__file__).parent / "data"


def number_of(recipe: Path) -> int:
    """The number in its name."""
    found = re.match(r"mini_(\d+)", recipe.stem)
    assert found is not None
    return int(found[1])


RECIPES = sorted(
    (Path(training.__file__).parent / "recipes").glob("*.yaml"),
    key=lambda path: (number_of(path), path.stem),
)


def stage_of(recipe: Path) -> str:
    """The last word of its name."""
    return recipe.stem.rsplit("_", 1)[-1]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_read_and_goes_on_from_the_ones_before(recipe: Path) -> None:
    kind = STAGES[stage_of(recipe)]
    config = read_settings(kind.settings, {}, recipe)
    assert f"train {kind.name} --config" in recipe.read_text("utf-8")
    assert config.out == f"runs/mini/{recipe.stem.removeprefix('mini_')}"
    if config.start.checkpoint is None:
        assert config.start.model in PRESETS
    else:
        before = [f"runs/mini/{other.stem.removeprefix('mini_')}/" for other in RECIPES]
        before = before[: RECIPES.index(recipe)]
        assert config.start.checkpoint.startswith(tuple(before))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("skia") is None, reason="draws clips: needs skia-python")
def test_the_first_200_steps_of_the_first_recipe_give_the_recorded_losses(tmp_path: Path) -> None:
    kind = STAGES["autoencoder"]
    changes = [
        f"out={tmp_path}", "steps=200", "output.validate_every=0", "output.sheet_every=0",
        "output.tensorboard=false",
    ]  # fmt: skip
    train(kind, read_settings(kind.settings, {}, RECIPES[0], changes), lambda _: None, True)
    found, recorded = (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in (tmp_path / "log.jsonl", DATA / "mini_1_autoencoder.jsonl")
    )
    assert [line["step"] for line in found] == [line["step"] for line in recorded]
    for line, expected in zip(found, recorded, strict=True):
        # The same bits on the CPU that recorded it; others round bfloat16 sums otherwise.
        assert line["model_loss"] == pytest.approx(expected["model_loss"], rel=0.03)
