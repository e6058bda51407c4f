"""Randomness of a training step: one generator for each sample, seeded by its place in the run.

A sample draws the same numbers whichever process has it, and however often the run was stopped.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def draw_seeds(run_seed: int, step: int, places: Sequence[int]) -> Tensor:
    """A seed (int64) for each sample of a step, by its place in the batch of all processes."""
    states = [
        np.random.SeedSequence([run_seed, step, place]).generate_state(1, np.uint64)[0]
        for place in places
    ]
    return torch.tensor([int(state >> np.uint64(1)) for state in states], dtype=torch.int64)


class Draws:
    """Random numbers for a batch of b samples, each from its own generator on the CPU.

    A stage that is called again with the same batch makes new ``Draws`` from the same seeds and
    gets the same numbers, in the same order.
    """

    def __init__(self, seeds: Tensor) -> None:
        """``seeds`` is ``b``, int64, as in ``Batch["seeds"]``."""
        self._generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds.cpu()]

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, ``b shape``, float32."""
        return self._each(lambda generator: torch.randn(shape, generator=generator))

    def uniform(self) -> Tensor:
        """Numbers from 0 up to 1, ``b``, float32."""
        return self._each(lambda generator: torch.rand((), generator=generator))

    def integers(self, end: int) -> Tensor:
        """Whole numbers from 0 up to ``end``, which is left out, ``b``, int64."""
        return self._each(lambda generator: torch.randint(end, (), generator=generator))

    def _each(self, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        return torch.stack([draw(generator) for generator in self._generators])
