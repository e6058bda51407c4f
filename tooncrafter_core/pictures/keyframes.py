"""Checks the two keyframes at the door, in words, before minutes of sampling."""

import logging
from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor

from ..errors import KeyframeError

# b batch, c channels, h w space

logger = logging.getLogger(__name__)

WHITE = 1.0
LARGEST_VALUE = 2.0
"""Filters overshoot [-1, 1] a little; beyond this the picture was scaled differently."""


@dataclass(frozen=True, eq=False)
class Keyframes:
    """The pictures of a clip that are given, each with the index of the frame it stands at."""

    pictures: tuple[Tensor, ...]
    """Each ``1 3 h w`` in [-1, 1], of its own size."""
    indices: tuple[int, ...]
    """From 0; negative ones count from the end, so that -1 is the last frame."""

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.indices):
            raise KeyframeError(
                f"Every keyframe needs the index of its frame: there are {len(self.pictures)} "
                f"keyframes and {len(self.indices)} indices."
            )

    @classmethod
    def at_ends(cls, first: Tensor, last: Tensor) -> "Keyframes":
        """Two pictures at the first and the last frame; see ``check_keyframes``."""
        return cls(check_keyframes(first, last), (0, -1))

    def in_clip(self, num_frames: int) -> "Keyframes":
        """The same in the order of their frames, with indices from 0.

        ``KeyframeError`` for a frame that the clip does not have, or that has two keyframes.
        """
        for index in self.indices:
            if not -num_frames <= index < num_frames:
                raise KeyframeError(
                    f"A clip of {num_frames} frames has no frame of the index {index}: the first "
                    f"is 0, the last {num_frames - 1} or -1."
                )
        placed = sorted(
            zip((index % num_frames for index in self.indices), self.pictures, strict=True),
            key=lambda pair: pair[0],
        )
        indices = tuple(index for index, _ in placed)
        if len(set(indices)) < len(indices):
            twice = next(index for index in indices if indices.count(index) > 1)
            raise KeyframeError(f"The frame of the index {twice} has two keyframes; keep one.")
        return Keyframes(tuple(picture for _, picture in placed), indices)

    def require_ends(self, num_frames: int) -> "Keyframes":
        """The same in order, where they are what the published model and the mini model take.

        ``KeyframeError`` unless there are exactly two, at the first and the last frame.
        """
        placed = self.in_clip(num_frames)
        if placed.indices != (0, num_frames - 1):
            found = ", ".join(str(index + 1) for index in placed.indices) or "none"
            raise KeyframeError(
                "This model draws between exactly 2 keyframes, the first and the last frame (1 and "
                f"{num_frames}); got {len(placed.indices)}, at frames: {found}. For more "
                "keyframes draw a clip between each two neighbours."
            )
        return placed


def check_keyframes(first: Tensor, last: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the two keyframes as ``1 3 h w`` in [-1, 1], or say what is wrong with them.

    Each is ``c h w`` or ``1 c h w``; without ``last``, ``first`` holds both as ``2 c h w``. They
    may differ in size, down to one pixel, as each is fitted on its own. Grey pictures get three
    equal channels; transparent ones are laid over white, which is logged. Colour of uint8 levels
    stays as it is: it takes a quarter of the memory.
    ``KeyframeError`` for any other count, shape, dtype or range, and for pixels that are not
    numbers. SPEC section 7.
    """
    if last is None:
        if first.ndim != 4 or first.shape[0] != 2:
            count = first.shape[0] if first.ndim == 4 else 1
            raise KeyframeError(
                f"ToonCrafter needs exactly 2 keyframes, a first and a last; got {count}."
            )
        first, last = first[0], first[1]
    return _check_keyframe(first, "first"), _check_keyframe(last, "last")


def _check_keyframe(image: Tensor, name: str) -> Tensor:
    """One keyframe as ``1 3 h w``."""
    if image.ndim == 3:
        image = image[None]
    if image.ndim != 4:
        raise KeyframeError(f"The {name} keyframe is no picture: its shape is {_shape(image)}.")
    if image.shape[0] != 1:
        raise KeyframeError(
            f"The {name} keyframe must be 1 picture, got a batch of {image.shape[0]}, as an "
            "animated picture or a film gives. Take one out of it, in ComfyUI by 'Image From "
            "Batch'; for more than two drawings make a clip between each two."
        )
    if min(image.shape[1:]) < 1:
        raise KeyframeError(f"The {name} keyframe has no pixels: its shape is {_shape(image)}.")
    if image.dtype == torch.uint8 and image.shape[1] == 3:
        return image
    if not image.is_floating_point():
        raise KeyframeError(
            f"The {name} keyframe holds {image.dtype} values; convert it to numbers in [-1, 1]."
        )
    _check_values(image, name)
    return _as_rgb(image, name)


def _check_values(image: Tensor, name: str) -> None:
    """Refuse values that are no numbers or were scaled to another range."""
    broken = ~torch.isfinite(image)
    if broken.any():
        pixels = broken.any(dim=1)[0].nonzero()
        top, left = pixels.min(dim=0).values.tolist()
        bottom, right = pixels.max(dim=0).values.tolist()
        raise KeyframeError(
            f"The {name} keyframe has {len(pixels)} pixels that are not numbers (NaN or infinity), "
            f"in rows {top} to {bottom} and columns {left} to {right}. "
            "The step that made this picture failed."
        )
    low, high = image.aminmax()
    if low < -LARGEST_VALUE or high > LARGEST_VALUE:
        raise KeyframeError(
            f"The {name} keyframe has values from {low:.4g} to {high:.4g}; they must lie in "
            "[-1, 1], black to white."
        )


def _as_rgb(image: Tensor, name: str) -> Tensor:
    """Colour over white, from grey or colour with or without an alpha channel."""
    channels = image.shape[1]
    if channels not in (1, 2, 3, 4):
        raise KeyframeError(
            f"The {name} keyframe has {channels} channels; it must be grey (1), colour (3), or "
            "either with transparency (2, 4)."
        )
    if channels in (2, 4):
        image, alpha = image[:, :-1], (image[:, -1:].clamp(-1, 1) + 1) / 2
        if (alpha < 1).any():
            logger.info("The %s keyframe is transparent in places: white is put behind it.", name)
            image = image * alpha + WHITE * (1 - alpha)
    return repeat(image, "b 1 h w -> b 3 h w") if image.shape[1] == 1 else image


def _shape(image: Tensor) -> str:
    return " x ".join(str(size) for size in image.shape)
