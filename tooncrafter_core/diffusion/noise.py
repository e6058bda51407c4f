"""All noise of a run from one seed, drawn on the CPU in the reference's order.

The reference draws the keyframes' posterior noise, then the start of the sampling, then the noise
of each step (SPEC sections 6.1, 9 and the golden ``e2e``). A stream that begins in the middle skips
what comes before, so that two nodes with the same seed continue one stream.
"""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor

from ..errors import ToonCrafterError

MAX_SEED = 2**64 - 1


def seed_going_on(seed: int, timestep: int) -> int:
    """The seed of a run that continues a clip from a timestep, derived from the run's own seed.

    It differs from timestep to timestep, so that the parts of a divided run do not repeat the noise
    of each other's steps.
    """
    generator = torch.Generator().manual_seed(seed)
    return int(torch.randint(2**62, (timestep + 1,), generator=generator)[timestep])


class NoiseStream:
    """Standard normal noise for clips of latents b c t h w; the same on every device."""

    def __init__(self, seed: int, shape: Sequence[int]) -> None:
        if not 0 <= seed <= MAX_SEED:
            raise ToonCrafterError(f"A seed lies between 0 and {MAX_SEED}, got {seed}.")
        self._generator = torch.Generator().manual_seed(seed)
        self._shape = tuple(shape)
        self._stages_drawn = 0

    def _draw(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator)

    def keyframes(self) -> Tensor:
        """Noise of the keyframes' posterior, b c 2 h w.

        The reference encodes every frame of the clip; its first and last frame's noise counts.
        """
        batch, channels, frames, height, width = self._shape
        self._stages_drawn = 1
        noise = self._draw(batch * frames, channels, height, width)
        noise = rearrange(noise, "(b t) c h w -> b c t h w", b=batch)
        return noise[:, :, [0, -1]]

    def start(self) -> Tensor:
        """The noise that sampling starts from, b c t h w."""
        if self._stages_drawn < 1:
            self.keyframes()
        self._stages_drawn = 2
        return self._draw(*self._shape)

    def step(self, like: Tensor) -> Tensor:
        """Fresh noise for one step, b c t h w, where and as ``like`` is."""
        if self._stages_drawn < 2:
            self.start()
        return self._draw(*self._shape).to(like, non_blocking=True)
