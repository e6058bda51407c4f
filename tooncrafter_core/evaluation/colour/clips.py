"""The clips that drifts are put on: drawn by the program, and read from films and folders.

Clips are ``t h w 3`` in sRGB, [0, 1].
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from ...data.procedural.render import render_clip
from ...metrics.metric import Clip
from ...pictures.levels import MOST, to_levels
from ..clip_files import fit_clip, read_clip

LOOKS = ("cartoon", "painted", "lines")
DRAWN = "drawn"


class TrueClip(NamedTuple):
    """A clip that has not drifted."""

    kind: str
    """What the tables call clips like it."""
    frames: Tensor


@dataclass(frozen=True, kw_only=True)
class DrawnClips:
    """Which clips are drawn: the styles take turns."""

    count: int = 60
    first_seed: int = 4_000_000
    width: int = 256
    height: int = 160
    num_frames: int = 16

    def true_clip(self, number: int) -> Tensor:
        """``t h w 3`` in [0, 1]."""
        drawn = render_clip(
            self.first_seed + number, self.width, self.height, self.num_frames,
            LOOKS[number % len(LOOKS)],
        )  # fmt: skip
        return torch.from_numpy(drawn.frames).float() / MOST

    def with_files(self, files: Sequence[Clip]) -> Iterator[TrueClip]:
        """Every clip, then those of files, fitted to the same size.

        The kind of a file's clip is the name of the folder that it lies in. ``EvaluationError``
        for one that has another number of frames.
        """
        for number in range(self.count):
            yield TrueClip(DRAWN, self.true_clip(number))
        for clip in files:
            frames = fit_clip(read_clip(clip.path, self.num_frames), self.width, self.height)
            # Of 256 levels, as what is compared with it: else rounding counts as a drift.
            levels = rearrange(to_levels(frames), "t c h w -> t h w c").float() / MOST
            yield TrueClip(clip.path.resolve().parent.name, levels)
