"""Ways to fill the frames between two keyframes, all with one signature.

Legend: t frames, c channels (3), h w space; values in [-1, 1].
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from einops import rearrange
from torch import Tensor

from ...errors import EvaluationError
from ...files import in_order
from ...metrics.metric import Clip
from ...pictures.sheets import cross_fade
from ..clip_files import fit_clip, read_clip


class Peer(Protocol):
    """A method that draws the frames between two keyframes."""

    @property
    def name(self) -> str:
        """How the tables call it."""
        ...

    @property
    def weights(self) -> str:
        """A description of its weights, for the tables."""
        ...

    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """``t 3 h w`` whose ends are the keyframes ``3 h w``, of their size."""
        ...


@runtime_checkable
class Rebuilder(Protocol):
    """A method that gets all frames of a clip and reconstructs them."""

    @property
    def name(self) -> str:
        """How the tables call it."""
        ...

    @property
    def weights(self) -> str:
        """A description of its weights, for the tables."""
        ...

    def reconstruct(self, frames: Tensor) -> Tensor:
        """``t 3 h w`` to the same shape."""
        ...


def positions(num_frames: int) -> list[float]:
    """Times of the frames between the ends: 0 is the first keyframe, 1 the last."""
    return [index / (num_frames - 1) for index in range(1, num_frames - 1)]


def with_ends(first: Tensor, between: list[Tensor], last: Tensor) -> Tensor:
    """A clip from its keyframes and what was drawn between them, ``t 3 h w``."""
    return torch.stack([first, *between, last]).clamp(-1, 1)


@dataclass(frozen=True)
class Hold:
    """Every frame is the keyframe nearest in time: what a limited animation shows."""

    name: str = "hold"
    weights: str = "none"

    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """See ``Peer``."""
        between = [first if u < 0.5 else last for u in positions(num_frames)]
        return with_ends(first, between, last)


@dataclass(frozen=True)
class CrossFade:
    """Every frame is a mix of the keyframes, by time."""

    name: str = "cross-fade"
    weights: str = "none"

    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """See ``Peer``."""
        return cross_fade(first, last, num_frames)


@dataclass(frozen=True)
class MadeElsewhere:
    """Frames that another program made: a folder or video for each clip, under the clip's name."""

    name: str
    folder: Path
    weights: str = "made elsewhere"

    def __call__(self, first: Tensor, last: Tensor, num_frames: int, clip: Clip) -> Tensor:
        """See ``Peer``; frames of another size are fitted.

        ``EvaluationError`` when the clip is not there or has another length.
        """
        if not self.folder.is_dir():
            raise EvaluationError(
                f"There is no folder '{self.folder}' of the frames '{self.name}'."
            )
        found = in_order(p for p in self.folder.iterdir() if clip.name in (p.name, p.stem))
        if not found:
            raise EvaluationError(
                f"'{self.folder}' has no folder or video named '{clip.name}', which is needed to "
                f"compare '{self.name}'."
            )
        frames = read_clip(found[0], num_frames)
        return fit_clip(frames, first.shape[-1], first.shape[-2])


def to_unit(image: Tensor) -> Tensor:
    """``3 h w`` in [-1, 1] to ``1 3 h w`` in [0, 1], as flow networks take it."""
    return rearrange((image + 1) / 2, "c h w -> 1 c h w")


def from_unit(image: Tensor) -> Tensor:
    """The inverse of ``to_unit``."""
    return rearrange(image, "1 c h w -> c h w") * 2 - 1
