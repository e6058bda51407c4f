"""Explains why a loss is not a number: the likely cause, and what to change."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..settings.config import RunConfig
from ..stage import Batch, Stage


def explain_nonfinite(
    name: str, step: int, parts: Sequence[Batch], stage: Stage, config: RunConfig
) -> str:
    """The sentences for a value that is not a number after ``step`` steps."""
    keys = [key for part in parts for key in part["key"]]
    return (
        f"{name} of step {step + 1} is not a number, with the clips {', '.join(keys)}. "
        f"{_cause(parts, stage, config)} The last checkpoint is untouched."
    )


def _cause(parts: Sequence[Batch], stage: Stage, config: RunConfig) -> str:
    for part in parts:
        for tensor_name, value in _tensors(part):
            wrong = _rows_not_finite(value)
            if wrong:
                keys = ", ".join(part["key"][row] for row in wrong)
                return (
                    f"The cause is the data: '{tensor_name}' of {keys} holds values that are not "
                    "numbers. Take the clip out."
                )
    learning = {id(p) for player in stage.players for _, p in stage.learners(player)}
    for key, parameter in stage.official_parameters():
        if not torch.isfinite(parameter).all():
            if id(parameter) in learning:
                return (
                    f"The weights themselves are not numbers any more, first {key}: the learning "
                    f"rate {config.optimizer.learning_rate:g} is likely too large. Go on from a "
                    "checkpoint with a smaller one."
                )
            return f"The frozen weights {key} are not numbers: the file they came from is damaged."
    if config.machine.precision == "fp16":
        return "The cause is likely fp16, which ends at 65504: set machine.precision=bf16."
    return (
        f"The likely cause is a learning rate that is too large ({config.optimizer.learning_rate:g}"
        "): lower optimizer.learning_rate, raise optimizer.warmup or lower optimizer.clip_norm."
    )


def _tensors(part: Batch) -> Iterator[tuple[str, Tensor]]:
    for name, value in part.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            yield name, value


def _rows_not_finite(value: Tensor) -> list[int]:
    return [row for row in range(len(value)) if not torch.isfinite(value[row]).all()]
