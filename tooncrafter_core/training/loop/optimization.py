"""Optimizers, the learning rate of a step, and the average of the weights."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..settings.config import OptimizerConfig

LAST_SHARE = 0.01
"""Share of the learning rate at which ``cosine`` ends."""


def make_optimizer(
    parameters: Sequence[nn.Parameter], config: OptimizerConfig
) -> torch.optim.Optimizer:
    """AdamW over some parameters, in one kernel for all of them."""
    first, second = config.betas
    return torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        betas=(first, second),
        weight_decay=config.weight_decay,
        fused=True,
    )


def learning_rate(config: OptimizerConfig, step: int, steps: int) -> float:
    """The learning rate of a step, counted from 0, of a run of ``steps``."""
    factor = 1.0
    if config.schedule == "cosine":
        done = min(step / max((config.schedule_steps or steps) - 1, 1), 1.0)
        factor = LAST_SHARE + (1 - LAST_SHARE) * (1 + math.cos(math.pi * done)) / 2
    if step < config.warmup:
        factor *= (step + 1) / config.warmup
    return config.learning_rate * factor


class AveragedWeights:
    """An exponential moving average of parameters, kept separately in float32."""

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._parameters, self._decay = list(parameters), decay
        self.averages: list[Tensor] = [p.detach().clone() for p in self._parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the averages after a step, counted from 0; faster at the beginning."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for average, parameter in zip(self.averages, self._parameters, strict=True):
            average.lerp_(parameter.detach(), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the averages into the network for the length of the block."""
        kept = [p.detach().clone() for p in self._parameters]
        self._write(self.averages)
        try:
            yield
        finally:
            self._write(kept)

    @torch.no_grad()
    def _write(self, values: Sequence[Tensor]) -> None:
        for parameter, value in zip(self._parameters, values, strict=True):
            parameter.copy_(value)
