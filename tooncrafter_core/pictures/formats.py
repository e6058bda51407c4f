"""The video formats: frames in, the bytes of a file out."""

import io
import logging
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import OutputError

# t frames, h w space, c channels

logger = logging.getLogger(__name__)

Frames = np.ndarray
"""``t h w c``, uint8."""
Encoder = Callable[[Frames, float, bool], bytes]


def encode_png(picture: np.ndarray) -> bytes:
    """One ``h w c`` picture as a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def _durations(count: int, fps: float, unit: int) -> list[int]:
    """Milliseconds of each frame in steps of ``unit``, so that errors never add up."""
    ends = [round(1000 * i / (fps * unit)) * unit for i in range(count + 1)]
    return [end - start for start, end in pairwise(ends)]


def _pillow_encoder(file_format: str, unit: int) -> Encoder:
    """An encoder of animated pictures, endless loop."""

    def encode(frames: Frames, fps: float, lossless: bool) -> bytes:
        from PIL import Image

        images = [Image.fromarray(frame) for frame in frames]
        if file_format == "GIF":
            images = [image.quantize(256) for image in images]
        webp: dict[str, Any] = {"lossless": lossless, "quality": 90}
        buffer = io.BytesIO()
        images[0].save(
            buffer,
            format=file_format,
            save_all=True,
            append_images=images[1:],
            duration=_durations(len(images), fps, unit),
            loop=0,
            **(webp if file_format == "WEBP" else {}),
        )
        return buffer.getvalue()

    return encode


def _av_encoder(container: str, codec: str, options: dict[str, str]) -> Encoder:
    """An encoder of video streams, tagged BT.709 so that players show the colours unchanged."""

    def encode(frames: Frames, fps: float, lossless: bool) -> bytes:
        import av
        import av.error

        buffer = io.BytesIO()
        try:
            with av.open(buffer, "w", format=container) as output:
                rate = Fraction(fps).limit_denominator(1001)
                stream = output.add_stream(codec, rate=rate, options=options)
                _encode_stream(output, stream, _even_sides(frames))
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(
                f"The {codec} encoder of this PyAV cannot write a {container} video of "
                f"{frames.shape[2]} x {frames.shape[1]} ({error}). Write WebP or a folder instead."
            ) from error
        return buffer.getvalue()

    return encode


def _encode_stream(output: Any, stream: Any, frames: Frames) -> None:
    """Send the frames, converted to and tagged as BT.709 in limited range, through the encoder."""
    from av import VideoFrame

    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE
    for pixels in frames:
        frame = VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format="yuv420p",
            src_color_range="JPEG",
            dst_colorspace="ITU709",
            dst_color_range="MPEG",
        )
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _even_sides(frames: Frames) -> Frames:
    """Repeat the last row or column of an odd side."""
    rows, columns = (size % 2 for size in frames.shape[1:3])
    if rows or columns:
        logger.info(
            "The video is %d x %d; this format needs even sides, so the last row or column is "
            "repeated.", frames.shape[2], frames.shape[1],
        )  # fmt: skip
    return np.pad(frames, ((0, 0), (0, rows), (0, columns), (0, 0)), mode="edge")


_BT709 = 1
_LIMITED_RANGE = 1
"""Both as FFmpeg numbers them."""
_H264 = {"crf": "16", "preset": "slow"}
ENCODERS: dict[str, Encoder] = {
    ".mp4": _av_encoder("mp4", "libx264", _H264),
    ".mkv": _av_encoder("matroska", "libx264", _H264),
    ".webm": _av_encoder("webm", "libvpx-vp9", {"crf": "20", "b": "0"}),
    ".gif": _pillow_encoder("GIF", unit=10),
    ".webp": _pillow_encoder("WEBP", unit=1),
    ".png": _pillow_encoder("PNG", unit=1),
    ".apng": _pillow_encoder("PNG", unit=1),
}
"""By extension: frames, fps and whether nothing may be lost, to the bytes of a file."""
