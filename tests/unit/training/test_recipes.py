"""The recipes of the mini model are settings that their stages take, each going on from another."""

from pathlib import Path

import pytest

from tooncrafter_core import training
from tooncrafter_core.presets import PRESETS
from tooncrafter_core.training.settings import read_settings
from tooncrafter_core.training.stages import STAGES

RECIPES = sorted((Path(training.__file__).parent / "recipes").glob("*.yaml"))


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
