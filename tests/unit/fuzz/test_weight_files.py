"""Malformed weight files end in a model or in a sentence."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from support.fuzzing import Case, count_outcomes
from support.weight_mutators import weight_files
from tooncrafter_core.checkpoints import (
    Component,
    build_models,
    detect_component_files,
    detect_sketch_encoder,
    is_sketch_encoder,
    read_checkpoint,
)
from tooncrafter_core.checkpoints.convert_encoders import encoder_checkpoint
from tooncrafter_core.config.presets import TINY
from tooncrafter_core.diffusion.schedule import make_schedule


def use(path: Path) -> None:
    """What commands and nodes do with a file before the first step of sampling."""
    checkpoint = read_checkpoint(path)
    for one in detect_component_files(checkpoint):
        encoder_checkpoint(checkpoint, Component(one.component), TINY)
    if is_sketch_encoder(checkpoint):
        detect_sketch_encoder(checkpoint)
    models = build_models(checkpoint)
    make_schedule(models.config.diffusion)


def cases(folder: Path, count: int) -> Iterator[Case]:
    for name, path in weight_files(folder, count):
        yield name, partial(use, path)


def test_malformed_weight_files_end_in_a_model_or_a_sentence(tmp_path: Path) -> None:
    counts = count_outcomes(cases(tmp_path, 90))
    assert counts["CheckpointError"] > 45


@pytest.mark.fuzz
def test_ten_thousand_malformed_weight_files(tmp_path: Path) -> None:
    counts = count_outcomes(cases(tmp_path, 10_000))
    assert counts["read"] > 40 and counts["CheckpointError"] > 5000
