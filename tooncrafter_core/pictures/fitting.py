"""Fits keyframes to a size the model can draw, and brings the video back (SPEC section 7)."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor

from ..errors import ToonCrafterError
from .levels import MOST, from_unit

# b batch, c channels, t frames, h w space

FitMode = Literal["crop", "pad", "stretch", "official"]
FIT_MODES: tuple[FitMode, ...] = get_args(FitMode)

MID_GREY = 0.0
STRIP = 1 << 22
"""Values of a picture that are resized at a time."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of pixels."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, pixels: Tensor) -> Tensor:
        """The rectangle's pixels of ``... h w``; a view."""
        bottom, right = self.top + self.height, self.left + self.width
        return pixels[..., self.top : bottom, self.left : right]


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the size that was asked for lies in the size the model draws."""

    width: int
    """Of what the model draws, a multiple of 64."""
    height: int
    asked: Box
    """The size asked for, within what the model draws."""
    picture: Box
    """The keyframe itself, without the bars of ``pad`` and ``official``."""

    def restore(self, video: Tensor) -> Tensor:
        """Cut the size asked for out of ``b c t h w``; any leading axes will do.

        A view: nothing is resampled. ``ToonCrafterError`` when the video has another size.
        """
        return self._cut(self.asked, video)

    def _cut(self, box: Box, video: Tensor) -> Tensor:
        height, width = video.shape[-2:]
        if (width, height) != (self.width, self.height):
            raise ToonCrafterError(
                f"The keyframes were fitted to {self.width}x{self.height}, but the video is "
                f"{width}x{height}: it was made from other keyframes."
            )
        return box.cut(video)


def model_size(width: int, height: int, multiple: int = 64) -> tuple[int, int]:
    """The smallest width and height the model can draw that hold the size asked for, in pixels."""
    if width < 1 or height < 1:
        raise ToonCrafterError(
            f"A video of {width}x{height} pixels was asked; both must be over 0."
        )
    return -(-width // multiple) * multiple, -(-height // multiple) * multiple


def fit(
    images: Tensor, width: int, height: int, mode: FitMode = "crop", multiple: int = 64
) -> tuple[Tensor, Placement]:
    """Fit ``b c h w`` pictures in [-1, 1], or uint8 levels, to a size asked for, and extend that.

    ``crop`` fills the size and loses what sticks out; ``pad`` shows everything, with bars in the
    mean colour of each picture's border; ``stretch`` changes the aspect ratio; ``official`` is
    ``official_resize``. The rest up to ``model_size`` is the picture's own surroundings where
    ``crop`` has them, else its last pixels repeated; ``Placement.restore`` takes it away again.
    Pictures are resampled once at most (bilinear, antialiased), and not at all where their size
    already fits. SPEC section 7.
    """
    canvas_width, canvas_height = model_size(width, height, multiple)
    if mode == "crop":
        scaled = _resize(images, *_covering_size(images, width, height))
        picture = (width, height)
    elif mode == "pad":
        inside = _resize(images, *_contained_size(images, width, height))
        scaled = _centre(inside, width, height, _border_colour(inside))
        picture = (inside.shape[-1], inside.shape[-2])
    elif mode == "stretch":
        scaled, picture = _resize(images, width, height), (width, height)
    elif mode == "official":
        scaled = official_resize(images, width, height)
        visible = _official_size(images, width, height)
        picture = (min(visible[0], width), min(visible[1], height))
    else:
        raise ToonCrafterError(f"Keyframes are fitted by {', '.join(FIT_MODES)}; not by {mode!r}.")
    canvas = _centre(scaled, canvas_width, canvas_height, None)
    asked = _middle(canvas_width, canvas_height, width, height)
    inner = _middle(width, height, *picture)
    placement = Placement(
        width=canvas_width,
        height=canvas_height,
        asked=asked,
        picture=Box(
            left=asked.left + inner.left,
            top=asked.top + inner.top,
            width=inner.width,
            height=inner.height,
        ),
    )
    return canvas, placement


def official_resize(images: Tensor, width: int, height: int) -> Tensor:
    """Resize and crop as the official program does, bars and all.

    The short side of ``b c h w`` becomes the shorter of ``width`` and ``height``, then the middle
    is cut out; what is missing is filled with mid-grey. SPEC section 7.
    """
    scaled = _resize(images, *_official_size(images, width, height))
    grey = scaled.new_full((*scaled.shape[:2], 1, 1), MID_GREY)
    return _centre(scaled, width, height, grey)


def _official_size(images: Tensor, width: int, height: int) -> tuple[int, int]:
    """Width and height whose shorter side is the shorter of those asked for."""
    source_height, source_width = images.shape[-2:]
    short, asked = min(source_width, source_height), min(width, height)
    return source_width * asked // short, source_height * asked // short


def _covering_size(images: Tensor, width: int, height: int) -> tuple[int, int]:
    """The least width and height of the pictures' aspect ratio that fill the size asked for."""
    source_height, source_width = images.shape[-2:]
    if width * source_height >= height * source_width:
        return width, source_height * width // source_width
    return source_width * height // source_height, height


def _contained_size(images: Tensor, width: int, height: int) -> tuple[int, int]:
    """The largest width and height of the pictures' aspect ratio within the size asked for."""
    source_height, source_width = images.shape[-2:]
    if width * source_height <= height * source_width:
        return width, max(source_height * width // source_width, 1)
    return max(source_width * height // source_height, 1), height


def _resize(images: Tensor, width: int, height: int) -> Tensor:
    """Bilinear, antialiased; the very same tensor where nothing changes. Levels become floats.

    First across, a strip of rows at a time: a scan as a whole would take gigabytes.
    """
    if images.shape[-2:] == (height, width):
        return from_unit(images.float() / MOST) if images.dtype == torch.uint8 else images
    rows = max(STRIP // math.prod((*images.shape[:-2], images.shape[-1])), 1)
    strips = [
        F.interpolate(strip.float(), (strip.shape[-2], width), mode="bilinear", antialias=True)
        for strip in images.split(rows, dim=-2)
    ]
    narrow = torch.cat(strips, dim=-2)
    resized = F.interpolate(narrow, (height, width), mode="bilinear", antialias=True)
    if images.dtype == torch.uint8:
        return from_unit(resized / MOST)
    return resized.to(images.dtype)


def _middle(outer_width: int, outer_height: int, width: int, height: int) -> Box:
    """The box of a size in the middle of a larger one."""
    left, top = (outer_width - width) // 2, (outer_height - height) // 2
    return Box(left=left, top=top, width=width, height=height)


def _centre(images: Tensor, width: int, height: int, fill: Tensor | None) -> Tensor:
    """Cut or extend ``b c h w`` around its middle, by ``fill`` (``b c 1 1``) or its last pixels."""
    source_height, source_width = images.shape[-2:]
    if (source_width, source_height) == (width, height):
        return images
    # Halves round to even where it cuts, as torchvision's CenterCrop does.
    cut = Box(
        left=round(max(source_width - width, 0) / 2),
        top=round(max(source_height - height, 0) / 2),
        width=min(source_width, width),
        height=min(source_height, height),
    )
    inside = cut.cut(images)
    place = _middle(width, height, cut.width, cut.height)
    if fill is not None:
        canvas = fill.expand(*images.shape[:2], height, width).clone()
        place.cut(canvas).copy_(inside)
        return canvas
    right, bottom = width - place.left - cut.width, height - place.top - cut.height
    return F.pad(inside, (place.left, right, place.top, bottom), mode="replicate")


def _border_colour(images: Tensor) -> Tensor:
    """The mean colour of each picture's outermost pixels, ``b c 1 1``."""
    sides = (images[..., :1, :], images[..., -1:, :], images[..., :, :1], images[..., :, -1:])
    border = torch.cat([rearrange(side, "b c h w -> b c (h w)") for side in sides], dim=2)
    return rearrange(reduce(border.float(), "b c n -> b c", "mean"), "b c -> b c 1 1").to(images)
