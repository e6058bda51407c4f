"""Reads chosen frames of a video file; their numbers count the frames as they are shown."""

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError

# t frames, h w space

logger = logging.getLogger(__name__)

VIDEO_EXTENSIONS = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mkv",
        ".webm",
        ".mov",
        ".avi",
        ".mpg",
        ".mpeg",
        ".ts",
        ".m2ts",
        ".wmv",
        ".flv",
        ".ogv",
        ".gif",
        ".y4m",
    ]
)
UNEVEN = 0.25
"""Of the usual time between two frames: what a constant rate may be off by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoIndex:
    """What a video file holds, learnt without decoding its pictures."""

    path: Path
    width: int
    height: int
    fps: float
    """Frames a second on average."""
    times: np.ndarray
    """When each frame is shown, in the stream's time base, rising."""
    is_variable: bool
    """Whether the time between frames changes."""
    pixel_format: str
    content: bytes | None = None
    """The file itself, when it is no file on a disk."""

    @property
    def num_frames(self) -> int:
        """How many frames the file says it holds."""
        return len(self.times)


def index_video(path: str | Path, content: bytes | None = None) -> VideoIndex:
    """List the frames of a video; ``DatasetError`` says why a file is none.

    ``content`` is the file itself; ``path`` is then only what messages call it.
    """
    import av
    import av.error

    path = Path(path)
    if content is None:
        _check_file(path)
    try:
        with _open(path, content) as container:
            stream = _video_stream(container, path)
            packets = (p for p in container.demux(stream) if p.size)
            times = [p.pts if p.pts is not None else p.dts for p in packets]
            fps = float(stream.average_rate or stream.guessed_rate or 0)
            unit = float(stream.time_base or 0)
            context = stream.codec_context
            width, height, pixel_format = context.width, context.height, context.pix_fmt or ""
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise DatasetError(f"'{path.name}' cannot be read as a video: {_words(error)}") from error
    if not times or None in times:
        raise DatasetError(f"'{path.name}' is a video without any frame that has a time.")
    ordered = np.unique(np.array(times, dtype=np.int64))
    steps = np.diff(ordered)
    usual = float(np.median(steps)) if len(steps) else 0.0
    # A time base of milliseconds makes 24 fps come as 41 and 42.
    is_variable = bool(len(steps)) and float(np.abs(steps - usual).max()) > max(UNEVEN * usual, 1)
    if len(steps) and unit and (is_variable or not fps):
        fps = len(steps) / (float(ordered[-1] - ordered[0]) * unit)
    return VideoIndex(
        path=path, width=width, height=height, fps=fps or 24.0, times=ordered,
        is_variable=is_variable, pixel_format=pixel_format, content=content,
    )  # fmt: skip


def read_frames(index: VideoIndex, numbers: Sequence[int]) -> np.ndarray:
    """The frames of these numbers, rising, as ``t h w 3`` uint8.

    ``DatasetError`` if one is missing. Any bit depth becomes 8; what is transparent shows white,
    as for keyframes.
    """
    wanted = list(numbers)
    if not wanted or wanted[0] < 0 or wanted[-1] >= index.num_frames:
        raise DatasetError(
            f"'{index.path.name}' has {index.num_frames} frames; {wanted[:1]} to {wanted[-1:]} "
            "were asked for."
        )
    found = dict.fromkeys(wanted)
    for number, pixels in iterate_frames(index, wanted[0], wanted[-1] + 1, set(wanted)):
        found[number] = pixels
    missing = [number for number, pixels in found.items() if pixels is None]
    if missing:
        raise DatasetError(
            f"'{index.path.name}' is damaged: frame {missing[0]} of {index.num_frames} cannot be "
            "decoded."
        )
    return np.stack([found[number] for number in wanted])  # type: ignore[arg-type]


def iterate_frames(
    index: VideoIndex, first: int = 0, end: int | None = None, wanted: set[int] | None = None,
    size: tuple[int, int] | None = None,
) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
    """Numbers and pixels ``h w 3`` uint8 from ``first`` up to ``end``, one at a time.

    ``wanted`` leaves out the conversion of the others; ``size`` is a width and height to shrink to.
    Frames that cannot be decoded are left out, with a warning.
    """
    import av
    import av.error

    end = index.num_frames if end is None else end
    if first >= end:
        return
    try:
        with _open(index.path, index.content) as container:
            stream = _video_stream(container, index.path)
            if first:
                container.seek(int(index.times[first]), stream=stream, backward=True)
            for frame in _decoded(container, stream, index.path.name):
                if frame.pts is None:
                    continue
                number = int(np.searchsorted(index.times, frame.pts))
                if number >= end:
                    return
                known = number < len(index.times) and index.times[number] == frame.pts
                if number >= first and known and (wanted is None or number in wanted):
                    yield number, _pixels(frame, size)
    except av.error.FFmpegError as error:
        raise DatasetError(f"'{index.path.name}' cannot be decoded: {_words(error)}") from error


def _open(path: Path, content: bytes | None) -> Any:
    """A container to read from."""
    import av

    return av.open(str(path) if content is None else io.BytesIO(content))


def _decoded(container: Any, stream: Any, name: str) -> Iterator[Any]:
    """Every frame that can be decoded; damaged packets are passed over."""
    import av.error

    damaged = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            damaged += 1
            continue
        yield from frames
    if damaged:
        logger.warning("'%s': %d damaged packets were passed over.", name, damaged)


def _pixels(frame: Any, size: tuple[int, int] | None) -> np.ndarray:
    """``h w 3`` uint8 of a decoded frame."""
    width, height = size or (frame.width, frame.height)
    has_alpha = any(component.is_alpha for component in frame.format.components)
    name = "rgba" if has_alpha else "rgb24"
    pixels = frame.to_ndarray(format=name, width=width, height=height)
    if not has_alpha:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint16)
    return ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _video_stream(container: Any, path: Path) -> Any:
    """The first stream of pictures; a cover picture in a sound file does not count."""
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        raise DatasetError(f"'{path.name}' holds no video, only {_others(container)}.")
    streams[0].thread_type = "AUTO"
    return streams[0]


def _others(container: Any) -> str:
    kinds = sorted({str(stream.type) for stream in container.streams})
    return " and ".join(kinds) or "nothing"


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DatasetError(f"'{path.name}' cannot be read: {_words(error)}") from error
    if path.is_dir() or not size:
        what = "a folder" if path.is_dir() else "an empty file"
        raise DatasetError(f"'{path.name}' is {what}, not a video.")


def _words(error: BaseException) -> str:
    """What an error of the system or FFmpeg says, without paths and numbers."""
    return getattr(error, "strerror", None) or str(error)
