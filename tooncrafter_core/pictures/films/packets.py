"""Opens video files and decodes their packets, for any codec and damaged ones too."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import FilmError
from ..kinds import VIDEO_EXTENSIONS

logger = logging.getLogger(__name__)

_CONTAINERS = ",".join(
    ["mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpeg", "mpegts", "mpegvideo", "mxf", "asf",
     "flv", "ogg", "yuv4mpegpipe", "ivf", "dv", "nut", "rm", "h264", "hevc", "m4v", "obu", "wav",
     "mp3", "flac", "aac"]
)  # fmt: skip
"""What FFmpeg may take a file for: lists of other files, which it would open, are not among them;
nor are pictures and text."""
_ALPHA_DECODERS = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
"""FFmpeg's own decoders of these ignore the transparency, which is stored separately."""


def open_container(path: Path, content: bytes | None) -> Any:
    """A container to read from."""
    import av

    # A relative name may begin as that of a protocol does: 'file:x.mp4', 'concat:x.mp4'.
    source = str(path.absolute()) if content is None else io.BytesIO(content)
    return av.open(source, options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"})


def video_stream(container: Any, path: Path) -> Any:
    """The first stream of pictures; a cover picture in a sound file does not count."""
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        kinds = {str(stream.type) for stream in container.streams} - {"video"}
        kinds |= {"a cover picture"} if container.streams.video else set()
        held = " and ".join(sorted(kinds, key=lambda kind: (" " in kind, kind)))
        held = f"only {held}" if held else "and nothing else that can be read: it is damaged"
        raise FilmError(f"'{path.name}' holds no video, {held}.")
    if streams[0].codec_context is None:
        raise FilmError(
            f"'{path.name}' is of a codec that this PyAV has no decoder for. Convert it, to H.264 "
            "for example."
        )
    streams[0].thread_type = "AUTO"
    return streams[0]


def decoded(container: Any, stream: Any, name: str, key: int | None = None) -> Iterator[Any]:
    """Every frame that can be decoded; damaged packets are passed over.

    With ``key``, the time of a key frame that was sought, nothing comes unless it is met.
    """
    import av.error

    decoder, damaged, is_met = _decoder(stream), 0, key is None
    for packet in container.demux(stream):
        if not is_met:
            is_met = packet.pts == key
            if packet.pts is None or packet.pts > key or (is_met and not packet.is_keyframe):
                return
        try:
            frames = decoder.decode(packet)
        except av.error.InvalidDataError:
            damaged += 1
            continue
        yield from frames
    if damaged:
        logger.warning("'%s': damaged packets passed over: %d.", name, damaged)


def _decoder(stream: Any) -> Any:
    """What decodes a stream's packets, with its transparency if it has any."""
    import av

    context = stream.codec_context
    name = _ALPHA_DECODERS.get(context.name.removeprefix("lib").split("-")[0])
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return context
    other = av.CodecContext.create(name, "r")
    if context.extradata:
        other.extradata = context.extradata
    return other


@contextmanager
def errors_in_words(path: Path, what: str) -> Iterator[None]:
    """Turn what PyAV raises for files that break its expectations into ``FilmError``."""
    import av.error

    try:
        yield
    except FilmError:
        raise
    except (av.error.FFmpegError, OSError, ValueError, LookupError, ArithmeticError, EOFError,
            TypeError, AttributeError, RuntimeError) as error:  # fmt: skip
        if path.suffix.lower() not in VIDEO_EXTENSIONS:
            raise FilmError(f"'{path}' is no picture, film or folder of pictures.") from error
        # What the system or FFmpeg says, without paths and numbers.
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, UnicodeError):  # of a message that FFmpeg made of damaged bytes
            reason = "the file is damaged"
        raise FilmError(f"'{path.name}' cannot be {what}: {reason}") from error
