"""Small films for tests, drawn and encoded here."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tooncrafter_core.data.procedural import render_clip


def encode(
    path: Path, frames: np.ndarray, fps: int = 24, codec: str = "libx264",
    pixel_format: str = "yuv420p", times: Sequence[int] | None = None, **options: str,
) -> Path:  # fmt: skip
    """Write ``t h w c`` frames as a film; ``times`` in 1/1000 s make the rate variable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = "rgba" if frames.shape[-1] == 4 else "rgb24"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixel_format
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=source)
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def numbered(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Grey frames whose level says their number."""
    levels = (20 + np.arange(count) * (200 // max(count, 1))).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, height, width, 3)).copy()


def drawn_film(seeds: Sequence[int], frames_per_shot: int = 30) -> np.ndarray:
    """Shots of different drawn clips, one after the other."""
    clips = [render_clip(seed, 96, 64, frames_per_shot).frames for seed in seeds]
    return np.concatenate(clips)


def exact_colours(frame: av.VideoFrame) -> np.ndarray:
    """``h w 3``, or ``h w 4`` with alpha, levels of a YUV frame by BT.709's own numbers.

    Without FFmpeg's conversions, which are some levels off, and leave out columns of some widths.
    """
    bits, planes = frame.format.components[0].bits, []
    for plane in frame.planes:
        stored = np.frombuffer(plane, "u1" if bits == 8 else "<u2").reshape(plane.height, -1)
        values = stored[:, : plane.width].astype(float)
        if plane.height < frame.height:
            values = values.repeat(2, axis=0).repeat(2, axis=1)
        planes.append(values[: frame.height, : frame.width])
    light, blue, red = (values / 2 ** (bits - 8) for values in planes[:3])
    light = (light - 16) * 255 / 219
    blue, red = (blue - 128) * 255 / 224, (red - 128) * 255 / 224
    levels = [light + 1.5748 * red, light - 0.1873 * blue - 0.4681 * red, light + 1.8556 * blue]
    levels += [alpha * 255 / (2**bits - 1) for alpha in planes[3:]]
    return np.stack(levels, axis=-1)
