"""Sketches for an interpolation that is measured: the lines of some of the clip's true frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from ...checkpoints import read_checkpoint
from ...checkpoints.weight_packages import describe_file
from ...metrics.metric import Clip
from ...models.sketch_encoder import SketchEncoder
from ...sketches.frames import SketchLayer
from ...sketches.guidance import load_sketch_encoder
from ...sketches.line_art import line_art
from ..clip_files import fit_clip, read_clip


@dataclass(frozen=True)
class SketchGuide:
    """A sketch encoder, and the frames (from 0) of each clip whose lines it gets."""

    file: Path
    frames: Sequence[int]

    @property
    def weights(self) -> str:
        """A description for the tables."""
        numbers = ", ".join(str(frame + 1) for frame in self.frames)
        return f"sketches at {numbers} through {describe_file(self.file)}"

    @cached_property
    def encoder(self) -> SketchEncoder:
        """Loaded when it is first needed."""
        return load_sketch_encoder(read_checkpoint(self.file), dtype=torch.float32)

    def layers(self, clip: Clip, width: int, height: int) -> list[SketchLayer]:
        """The sketches of a clip at the size that it is drawn."""
        truth = fit_clip(read_clip(clip.path), width, height)
        lines = line_art(truth[list(self.frames)])
        return [SketchLayer(hints=lines, frames=tuple(self.frames), strength=1.0)]
