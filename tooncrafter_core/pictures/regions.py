"""Which pixels of which frames are drawn again; all others come back as they were, to the bit.

Legend: t frames, h w space, c channels. Masks are ``t h w`` in [0, 1], 1 is drawn again.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import max_pool2d

from ..errors import RedrawError, check_number
from .fitting import fit

MOST_PIXELS = 512
"""How far a mask can grow or fade."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The frames of a clip that are drawn again, both ends included, counted from 0."""

    first: int
    last: int

    @classmethod
    def of(cls, first: int, last: int, num_frames: int) -> "Stretch":
        """A stretch as people count: from 1, or from -1 backwards.

        ``RedrawError`` for a frame that the clip does not have, and for a stretch that runs
        backwards.
        """
        found = []
        for name, number in (("from", first), ("to", last)):
            if not 1 <= abs(number) <= num_frames:
                raise RedrawError(
                    f"There is no frame {number} to redraw {name}: the clip has {num_frames} "
                    f"frames, 1 to {num_frames}, or -1 for the last."
                )
            found.append(number - 1 if number > 0 else num_frames + number)
        start, end = found
        if start > end:
            raise RedrawError(
                f"Frames {start + 1} to {end + 1} run backwards: give the earlier frame first. "
                f"The clip has {num_frames} frames."
            )
        return cls(first=start, last=end)

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def frames(self) -> slice:
        """Their places in the clip."""
        return slice(self.first, self.last + 1)


@dataclass(frozen=True, kw_only=True)
class Edge:
    """How far the region goes beyond the mask, and how softly it ends, in pixels."""

    grow: int = 8
    feather: int = 4
    """Within the grown mask: outside of it nothing changes."""

    def __post_init__(self) -> None:
        check_number("What the mask grows by", self.grow, 0, MOST_PIXELS, "pixels", is_whole=True)
        check_number("The soft edge", self.feather, 0, MOST_PIXELS, "pixels", is_whole=True)


def region(mask: Tensor | None, clip: tuple[int, int, int], stretch: Stretch, edge: Edge) -> Tensor:
    """How much of each pixel of a clip is drawn again, ``t h w``; 0 comes back to the bit.

    Args:
        mask: ``n h w``, one for all frames of the stretch, one for each of them, or one for each
            frame of the clip, of which those in the stretch count; None is the whole picture.
        clip: its frames, height and width.
        stretch: the frames that may change at all.
        edge: growth and soft edge.

    Raises:
        RedrawError: a mask of another size or count, with values that are not numbers, or with
            nothing in it.
    """
    weights = torch.zeros(clip)
    if mask is None:
        weights[stretch.frames] = 1.0
        return weights
    _check_size(mask, clip, stretch)
    if len(mask) == clip[0]:
        mask = mask[stretch.frames]
    mask = mask.to(weights).clamp(0, 1)
    if not bool(mask.any()):
        raise RedrawError(
            f"The mask is empty in frames {stretch.first + 1} to {stretch.last + 1}: there is "
            "nothing to redraw. Paint what is to be drawn again (1, white), or leave the mask out "
            "to redraw whole frames."
        )
    weights[stretch.frames] = _faded(_grown(mask, edge.grow), edge.feather)
    return weights


def _check_size(mask: Tensor, clip: tuple[int, int, int], stretch: Stretch) -> None:
    """Refuse masks that do not lie on the frames."""
    num_frames, height, width = clip
    if mask.ndim != 3 or tuple(mask.shape[1:]) != (height, width):
        found = "x".join(map(str, reversed(mask.shape[1:])))
        raise RedrawError(
            f"The mask is {found} pixels and the frames are {width}x{height}: paint it on a frame "
            "of the clip, or bring it to that size. Load Image gives an empty one of 64x64 for a "
            "picture without transparency."
        )
    if len(mask) not in (1, len(stretch), num_frames):
        raise RedrawError(
            f"There are {len(mask)} masks: give one for all frames, one for each of the "
            f"{len(stretch)} frames from {stretch.first + 1} to {stretch.last + 1}, or one for "
            f"each of the {num_frames} frames of the clip."
        )
    if not bool(mask.isfinite().all()):
        raise RedrawError(
            "The mask holds values that are not numbers (NaN or infinity): it is damaged. Make it "
            "again."
        )


def _grown(mask: Tensor, pixels: int) -> Tensor:
    """The mask with every part wider by some pixels to all sides."""
    side = 2 * pixels + 1
    across = max_pool2d(mask[:, None], (1, side), 1, (0, pixels))
    return max_pool2d(across, (side, 1), 1, (pixels, 0))[:, 0]


def _faded(mask: Tensor, pixels: int) -> Tensor:
    """The mask with a slope of some pixels inside its edge; the picture's own edge is none."""
    total, inner = mask.clone(), mask
    for _ in range(pixels):
        inner = 1 - _grown(1 - inner, 1)
        total += inner
    return total / (pixels + 1)


def region_cells(weights: Tensor, multiple: int, cell: int) -> Tensor:
    """The cells of latents that a region touches, ``t h/cell w/cell``, 1 is drawn again.

    ``multiple`` is that of which the model draws sides; what is beyond the picture goes with its
    nearest pixel, as it does for keyframes.
    """
    height, width = weights.shape[1:]
    touched, _ = fit((weights > 0).float()[:, None], width, height, "crop", multiple)
    return max_pool2d(touched, cell)[:, 0]


def lay_back(frames: Tensor, drawn: Tensor, weights: Tensor) -> Tensor:
    """What was drawn within the region, the frames outside of it to the bit, all ``t h w c``."""
    part = rearrange(weights, "t h w -> t h w 1").to(frames)
    mixed = torch.lerp(frames, drawn.to(frames), part)
    return torch.where(part > 0, mixed, frames)
