"""Position error: how far the parts of a procedural clip are from where they should be.

Drawn clips come with the position of every moving part, so motion can be measured alone: the patch
around a part in the true frame is searched in the generated one. A ghost of the part at the wrong
position counts as wrong, however sharp or faint it is.

Legend: t frames, c channels (3), h w space, p parts; videos in [-1, 1], places in pixels.
"""

import io
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import EvaluationError
from ..files import write_bytes
from .metric import check_pair

PATCH = 17
"""Side in pixels of the square around a part that is searched."""
REACH = 24
"""Pixels to each side that are searched: the largest error along one axis."""


def position_error(video: Tensor, truth: Tensor, positions: Tensor) -> Tensor:
    """Mean distance in pixels of the parts from their true places, in each frame.

    Shapes: both videos ``t 3 h w``, positions ``t p 2`` (x, y); the result is ``t``. Parts outside
    the picture are looked for at its edge. ``EvaluationError`` for videos that cannot be compared
    or are too small, and positions of another length.
    """
    check_pair(video, truth)
    if positions.ndim != 3 or positions.shape[0] != video.shape[0] or positions.shape[2] != 2:
        raise EvaluationError(
            f"The positions must be t p 2 for {video.shape[0]} frames, got "
            f"{tuple(positions.shape)}."
        )
    if min(video.shape[-2:]) < PATCH or positions.shape[1] == 0:
        raise EvaluationError(
            f"A position error needs a part to look for, and {PATCH} pixels on each side."
        )
    errors = [
        torch.stack([_distance(made, true, place) for place in places]).mean()
        for made, true, places in zip(video, truth, positions, strict=True)
    ]
    return torch.stack(errors)


def _distance(made: Tensor, true: Tensor, place: Tensor) -> Tensor:
    """How far the surroundings of one place have moved, ``3 h w`` twice."""
    height, width = true.shape[-2:]
    left = int(place[0].round().clamp(0, width - 1)) - PATCH // 2
    top = int(place[1].round().clamp(0, height - 1)) - PATCH // 2
    left, top = min(max(left, 0), width - PATCH), min(max(top, 0), height - PATCH)
    patch = true[:, top : top + PATCH, left : left + PATCH]
    first_x, first_y = max(left - REACH, 0), max(top - REACH, 0)
    area = made[:, first_y : top + REACH + PATCH, first_x : left + REACH + PATCH]
    ones = torch.ones_like(patch)[None]
    squares = F.conv2d(area[None] ** 2, ones) - 2 * F.conv2d(area[None], patch[None])
    difference = (squares[0, 0] + (patch**2).sum()) / patch.numel()
    ys, xs = torch.meshgrid(
        torch.arange(difference.shape[0]) + first_y - top,
        torch.arange(difference.shape[1]) + first_x - left,
        indexing="ij",
    )
    distance = (xs.float() ** 2 + ys.float() ** 2).sqrt()
    # Among places that look alike the nearest counts.
    best = (difference + 1e-4 * distance / REACH).argmin()
    return distance.flatten()[best]


def save_positions(path: Path, positions: np.ndarray, width: int, height: int) -> None:
    """Keep ``t p 2`` positions and the size of the picture they belong to."""
    buffer = io.BytesIO()
    np.savez(buffer, positions=positions.astype(np.float32), size=np.array([width, height]))
    write_bytes(path, buffer.getvalue())


def load_positions(path: Path, video: Tensor) -> Tensor:
    """Positions for a video ``t 3 h w``.

    ``EvaluationError`` when the file cannot be read or belongs to pictures of another size.
    """
    try:
        with np.load(path) as file:
            positions, (width, height) = file["positions"], file["size"].tolist()
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise EvaluationError(f"The positions '{path}' cannot be read: {error}") from error
    if (height, width) != tuple(video.shape[-2:]):
        raise EvaluationError(
            f"The positions '{path.name}' belong to pictures of {width}x{height}; the clips are "
            f"taken at {video.shape[3]}x{video.shape[2]}. Ask for that --width and --height."
        )
    return torch.from_numpy(positions)
