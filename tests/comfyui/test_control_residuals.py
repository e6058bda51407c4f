"""A sketch encoder's residuals go through ComfyUI's control and come out by their names."""

import pytest
import torch
from tooncrafter_pack.nodes.bridge.control.residuals import residuals_of, to_control
from tooncrafter_pack.tooncrafter_core.errors import SketchError
from tooncrafter_pack.tooncrafter_core.models.motion.port import Residuals

from support.networks import normal

BLOCKS = [normal(2, 3, 4, 4, seed=seed) for seed in range(3)]


@pytest.mark.parametrize("sketched", [None, normal(2, 5, 4, 4)])
def test_what_goes_in_comes_out(sketched: torch.Tensor | None) -> None:
    found = residuals_of(to_control(Residuals(BLOCKS, sketched)), 3)
    assert found is not None
    assert all(a is b for a, b in zip(found, BLOCKS, strict=True))
    assert found.sketched is sketched


def test_what_a_sketch_shows_is_no_residual_of_a_block() -> None:
    control = to_control(Residuals(BLOCKS, normal(2, 5, 4, 4)))
    assert len(control["output"]) == 2 and len(control["middle"]) == 1


def test_no_control_is_none_and_that_of_another_model_is_refused() -> None:
    assert residuals_of(None, 3) is None
    with pytest.raises(SketchError, match="has 3 parts, the denoiser takes 4"):
        residuals_of(to_control(Residuals(BLOCKS, normal(2, 5, 4, 4))), 4)
