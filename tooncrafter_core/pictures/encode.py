"""Encodes films: every frame that is given is a frame of the file, shown for its own time.

What merges frames that are alike is not used, so that an animation on twos keeps its count.
"""

import io
import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from ..errors import OutputError
from .films.pixels import linked
from .formats import FORMATS, Format
from .palette import clip_palette
from .webp import with_frames_that_replace

# t frames, h w space, c channels

logger = logging.getLogger(__name__)

Frames = np.ndarray | Sequence[np.ndarray]
"""``t h w c``, uint8, or pictures ``h w c`` of one size that are made as they are asked for; c is
3, or 4 with straight alpha."""

_BT709, _SRGB = 1, 13
_RGB = 0
_LIMITED, _FULL = 1, 2
"""As FFmpeg numbers them."""


def encode_film(
    frames: Frames, extension: str, fps: float, file: BinaryIO, lossless: bool = False
) -> None:
    """Write a film of the format of an extension to an open file.

    ``lossless`` counts for WebP; APNG always is, and PNG. ``OutputError`` where the encoder
    refuses; ``OSError`` of the file itself, a full disk among them.
    """
    form = FORMATS[extension]
    if form.container != "webp":
        _write(frames, form, fps, file, lossless)
        return
    buffer = io.BytesIO()
    _write(frames, form, fps, buffer, lossless)
    file.write(with_frames_that_replace(buffer.getvalue()))


def _write(frames: Frames, form: Format, fps: float, file: BinaryIO, lossless: bool) -> None:
    """Encode a film and write it as FFmpeg does."""
    import av
    import av.error

    target = _Remembering(file)
    height, width, channels = frames[0].shape
    has_alpha = channels == 4
    options = {**form.options, **(form.alpha_options if has_alpha else {})}
    options |= form.lossless_options if lossless else {}
    rate = Fraction(fps).limit_denominator(1001)
    try:
        with av.open(target, "w", format=form.container, options=_muxer_options(form)) as output:
            stream: Any = output.add_stream(form.codec, rate=rate, options=options)
            if has_alpha and form.container == "webm":
                stream.metadata["alpha_mode"] = "1"
            _encode(output, stream, form, frames, rate)
    except (av.error.FFmpegError, ValueError) as error:
        if target.error is not None:
            raise target.error from error
        raise OutputError(
            f"The {form.codec} encoder of this PyAV cannot write a {form.container} video of "
            f"{width} x {height} ({error}). Write a folder of pictures instead."
        ) from error


class _Remembering:
    """A file that keeps the error of a write, which FFmpeg passes on as a number of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def write(self, content: bytes) -> int:
        """As the file's own."""
        try:
            return self._file.write(content)
        except OSError as error:
            self.error = error
            raise


def film_bytes(frames: Frames, extension: str, fps: float) -> bytes:
    """A film as the content of a file."""
    buffer = io.BytesIO()
    encode_film(frames, extension, fps, buffer)
    return buffer.getvalue()


def _muxer_options(form: Format) -> dict[str, str]:
    """For animated pictures: play for ever."""
    loops = {"gif": ("loop", "0"), "webp": ("loop", "0"), "apng": ("plays", "0")}
    return dict([loops[form.container]]) if form.container in loops else {}


def _encode(output: Any, stream: Any, form: Format, frames: Frames, rate: Fraction) -> None:
    """Send every frame through the encoder, with the time that it is shown at."""
    height, width, channels = frames[0].shape
    has_alpha = channels == 4
    more = _to_even_sides(height, width) if form.has_even_sides else (0, 0)
    stream.height, stream.width = height + more[0], width + more[1]
    stream.pix_fmt = (form.alpha_pixels if has_alpha else None) or form.pixels
    tick = form.tick or 1 / rate
    stream.time_base = stream.codec_context.time_base = tick
    _tag(stream.codec_context, form)
    to_frame = _Indexed(frames) if form.pixels == "pal8" else FrameConverter(stream.pix_fmt, form)
    ends = [round(number / rate / tick) for number in range(len(frames) + 1)]
    for number, pixels in enumerate(_each(frames)):
        frame = to_frame(_with_edges(pixels, more))
        _tag(frame, form)
        frame.pts, frame.time_base = ends[number], tick
        frame.duration = ends[number + 1] - ends[number]
        _mux(output, stream, stream.encode(frame), ends, tick)
    _mux(output, stream, stream.encode(None), ends, tick)


def _mux(output: Any, stream: Any, packets: Any, ends: list[int], tick: Fraction) -> None:
    """Write packets, each with the time to the next frame: some encoders leave it out."""
    for packet in packets:
        if packet.pts is not None and packet.time_base == tick and packet.pts in ends[:-1]:
            packet.duration = ends[ends.index(packet.pts) + 1] - packet.pts
        output.mux(packet)


def _tag(target: Any, form: Format) -> None:
    """Say which colours the numbers mean, so that players show them unchanged.

    Some encoders read it from their own settings, some from the frames; the frames of older PyAV
    have only two of these.
    """
    tags = {
        "color_primaries": _BT709,  # sRGB has the same
        "color_trc": _BT709 if form.is_yuv else _SRGB,
        "colorspace": _BT709 if form.is_yuv else _RGB,
        "color_range": _LIMITED if form.is_yuv else _FULL,
    }
    for name, value in tags.items():
        if hasattr(target, name):
            setattr(target, name, value)


class _Indexed:
    """Turns pictures ``h w c`` into frames of one palette."""

    def __init__(self, frames: Frames) -> None:
        self.palette = clip_palette(frames)

    def __call__(self, pixels: np.ndarray) -> Any:
        from av import VideoFrame

        indexed: Any = (self.palette.indices(pixels), self.palette.argb)
        return VideoFrame.from_ndarray(indexed, format="pal8")


class FrameConverter:
    """Turns pictures ``h w c`` into frames of a pixel format, by FFmpeg's filters.

    PyAV's own ``reformat`` cuts a picture into slices for its threads, and the first eight pixels
    of a slice come out half bright in one of a hundred pictures of ten bits.
    """

    def __init__(self, pixel_format: str, form: Format) -> None:
        exact = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
        colours = ":out_color_matrix=bt709:out_range=limited" if form.is_yuv else ""
        self.filters = [("scale", exact + colours), ("format", pixel_format)]
        self.graph: Any = None

    def __call__(self, pixels: np.ndarray) -> Any:
        """One frame; all pictures have the size and channels of the first."""
        from av import VideoFrame

        source = "rgba" if pixels.shape[-1] == 4 else "rgb24"
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=source)
        self.graph = self.graph or linked(frame, self.filters)
        self.graph.push(frame)
        return self.graph.pull()


def _to_even_sides(height: int, width: int) -> tuple[int, int]:
    """How many rows and columns are missing to even sides."""
    rows, columns = height % 2, width % 2
    if rows or columns:
        logger.info(
            "The video is %d x %d; this format needs even sides, so the last row or column is "
            "repeated.", width, height,
        )  # fmt: skip
    return rows, columns


def _with_edges(pixels: np.ndarray, more: tuple[int, int]) -> np.ndarray:
    """A picture ``h w c`` with its last row and column repeated where asked."""
    if more == (0, 0):
        return pixels
    return np.pad(pixels, ((0, more[0]), (0, more[1]), (0, 0)), mode="edge")


def _each(frames: Frames) -> Iterator[np.ndarray]:
    """Every picture, ``h w c``, one at a time."""
    return (frames[number] for number in range(len(frames)))
