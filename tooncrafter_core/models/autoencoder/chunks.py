"""A clip computed a few frames at a time, so that less of it is in memory at once.

Legend: t frames of one clip, c channels, h w space.
"""

from collections.abc import Iterator
from typing import Protocol, TypeVar

from torch import Tensor

from ...layers.features import Biased

Frames = TypeVar("Frames", Tensor, Biased, covariant=True)


class FramesOf(Protocol[Frames]):
    """Gives the frames of a clip from ``start`` until before ``stop``."""

    def __call__(self, start: int, stop: int) -> Frames:
        """Frames t c h w."""
        ...


def frame_chunks(num_frames: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of consecutive chunks of at most ``size`` frames."""
    for start in range(0, num_frames, size):
        yield start, min(start + size, num_frames)


def map_frames(
    function: FramesOf[Tensor],
    num_frames: int,
    size: int,
    into: Tensor | None = None,
) -> Tensor:
    """Compute a clip chunk by chunk, ``function(start, stop)`` giving t c h w of those frames.

    ``into`` may be a clip whose frames are no longer needed once their chunk is computed.
    """
    if size >= num_frames:
        return function(0, num_frames)
    out = into
    for start, stop in frame_chunks(num_frames, size):
        chunk = function(start, stop)
        if out is None or out.shape[1:] != chunk.shape[1:]:
            out = empty_clip(chunk, num_frames)
        if not _are_same(chunk, out[start:stop]):
            out[start:stop] = chunk
        del chunk  # before the next chunk is computed, not after
    if out is None:
        raise ValueError("A clip needs at least one frame.")
    return out


def map_features(function: FramesOf[Biased], num_frames: int, size: int) -> Biased:
    """``map_frames`` of features, whose bias is the same in every chunk."""
    bias: Tensor | None = None

    def values(start: int, stop: int) -> Tensor:
        nonlocal bias
        chunk, bias = function(start, stop)
        return chunk

    return Biased(map_frames(values, num_frames, size), bias)


def _are_same(frames: Tensor, others: Tensor) -> bool:
    """Whether both are the same memory: what was computed in place needs no copying."""
    return not frames.is_meta and frames.data_ptr() == others.data_ptr()


def empty_clip(frames: Tensor, num_frames: int) -> Tensor:
    """A clip t c h w of so many frames, laid out in memory as these."""
    channels, height, width = frames.shape[1:]
    if channels > 1 and frames.stride(1) == 1:
        return frames.new_empty((num_frames, height, width, channels)).movedim(-1, 1)
    return frames.new_empty((num_frames, channels, height, width))
