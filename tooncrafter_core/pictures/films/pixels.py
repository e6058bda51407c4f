"""Decoded frames to pixels as a player shows them: colours, square pixels, upright, over white."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...errors import FilmError
from ..levels import lay_over_white

# h w space

MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020",
            10: "bt2020"}  # fmt: skip
"""FFmpeg's numbers of the ways from RGB to YUV, and what its filters call them."""
FULL_RANGE = 2
HIGH_DEFINITION = 576
"""Frames of more lines are BT.709 where the stream does not say, as players take them."""
HDR = {16: "smpte2084", 18: "arib-std-b67"}
"""FFmpeg's numbers of the transfers PQ and HLG, whose levels are no brightness of a screen's."""
TONE_MAPPED = "in_primaries=bt2020:out_transfer=bt709:out_primaries=bt709:intent=perceptual"
WIDEST_PIXEL = 4
"""How much wider than high a pixel may be, or higher than wide; else its shape is not believed."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How the stored frames of a film become those that are shown."""

    stored: tuple[int, int]
    """Width and height in the file."""
    squared: tuple[int, int]
    """Width and height with square pixels."""
    turn: tuple[int, int, int, int] = (1, 0, 0, 1)
    """Of the display matrix the signs a, b, c, d: x is shown at ax + cy, y at bx + dy."""
    has_alpha: bool = False
    hdr: str = ""
    """What its transfer is called, where the film is HDR."""

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height upright."""
        width, height = self.squared
        return (width, height) if self.turn[0] else (height, width)

    @property
    def changes(self) -> tuple[str, ...]:
        """What is done to the frames; see ``film.CHANGES``."""
        done = {
            "turned": self.turn != (1, 0, 0, 1),
            "squared": self.squared != self.stored,
            "over white": self.has_alpha,
            "tone-mapped": bool(self.hdr),
        }
        return tuple(name for name, is_done in done.items() if is_done)


def look_of(frame: Any, stream: Any) -> Look:
    """Read off a decoded frame and its stream how frames are shown."""
    width, height = frame.width, frame.height
    ratio = float(stream.sample_aspect_ratio or 1)
    squared = width, height
    if 1 < ratio <= WIDEST_PIXEL:
        squared = round(width * ratio), height
    elif 1 / WIDEST_PIXEL <= ratio < 1:  # higher, not narrower: no detail is lost
        squared = width, round(height / ratio)
    return Look(
        stored=(width, height), squared=squared, turn=_turn(frame),
        has_alpha=_has_alpha(frame), hdr=_hdr(frame, stream),
    )  # fmt: skip


def check_colours(frame: Any, look: Look, name: str) -> None:
    """``FilmError`` for an HDR film, where this FFmpeg cannot bring it to the range of a screen."""
    import av.error

    if not look.hdr:
        return
    try:
        linked(frame, [("scale", f"in_transfer={look.hdr}:{TONE_MAPPED}")])
    except (av.error.FFmpegError, ValueError) as error:
        raise FilmError(
            f"'{name}' is an HDR film ({look.hdr}), which this version of PyAV cannot tone-map. "
            "Install PyAV 16 or newer, or convert the film to SDR: ffmpeg -i OLD -vf "
            "zscale=t=linear:npl=100,tonemap=hable,zscale=p=bt709:t=bt709:m=bt709,format=yuv420p "
            "NEW."
        ) from error


def _hdr(frame: Any, stream: Any) -> str:
    """What the transfer of an HDR film is called; empty for others."""
    stated = getattr(frame, "color_trc", None)  # PyAV 14 has it of the stream alone
    if stated not in HDR:
        stated = stream.codec_context.color_trc
    return HDR.get(int(stated or 0), "")


def check_size(frame: Any, size: tuple[int, int], name: str) -> None:
    """``FilmError`` for a frame of another width and height than those before."""
    width, height = size
    if (frame.width, frame.height) != size:
        raise FilmError(
            f"The frames of '{name}' change from {width} x {height} to {frame.width} x "
            f"{frame.height}. Part the film there, or convert it to one size."
        )


def _turn(frame: Any) -> tuple[int, int, int, int]:
    """The signs of a frame's display matrix; of a slanted one, the nearest right angle's."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32, count=5).tolist()
            if abs(a) >= abs(b):
                return (_sign(a), 0, 0, _sign(d))
            return (0, _sign(b), _sign(c), 0)
    return (1, 0, 0, 1)


def _sign(value: int) -> int:
    return -1 if value < 0 else 1


def _has_alpha(frame: Any) -> bool:
    return any(component.is_alpha for component in frame.format.components)


class PixelReader:
    """Turns decoded frames of one film into pixels; its filters are built at the first frame."""

    def __init__(self, look: Look, size: tuple[int, int] | None, name: str) -> None:
        """``size`` is the shown width and height to shrink to; ``name`` is for messages."""
        self.look, self.name = look, name
        self.size = size or look.shown
        self.scaling = "bicubic" if size is None else "bilinear"
        self._graph: Any = None
        self._kind: tuple[Any, ...] = ()

    def read(self, frame: Any) -> np.ndarray:
        """``h w 3`` uint8. ``FilmError`` for a frame of another size than the first."""
        check_size(frame, self.look.stored, self.name)
        kind = (frame.format.name, frame.colorspace, frame.color_range, frame.time_base)
        if kind != self._kind:
            self._graph, self._kind = self._built(frame), kind
        self._graph.push(frame)
        return self._shown(self._graph.pull().to_ndarray())

    def _built(self, frame: Any) -> Any:
        has_alpha = _has_alpha(frame)
        width, height = self.size if self.look.turn[0] else self.size[::-1]
        exact = "accurate_rnd+full_chroma_int+full_chroma_inp"
        scale = [f"{width}:{height}:flags={self.scaling}+{exact}", *colour_options(frame)]
        if self.look.hdr:
            scale += [f"in_transfer={self.look.hdr}", TONE_MAPPED]
        return linked(
            frame, [("scale", ":".join(scale)), ("format", "rgba" if has_alpha else "rgb24")]
        )

    def _shown(self, pixels: np.ndarray) -> np.ndarray:
        a, b, c, d = self.look.turn
        if pixels.shape[-1] == 4:
            pixels = lay_over_white(pixels)
        if not a:
            pixels = pixels.swapaxes(0, 1)
        down, right = (d, a) if a else (b, c)
        return np.ascontiguousarray(pixels[::down, ::right])


def colour_options(frame: Any) -> list[str]:
    """What the scale filter has to know of a frame's colours, as the stream or custom has it."""
    if frame.format.is_rgb or len(frame.format.components) < 3:
        return []
    is_large = frame.height > HIGH_DEFINITION or frame.width >= 1280
    matrix = MATRICES.get(int(frame.colorspace), "bt709" if is_large else "bt601")
    is_full = int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj")
    return [f"in_color_matrix={matrix}", f"in_range={'full' if is_full else 'limited'}"]


def linked(frame: Any, filters: list[tuple[str, str]], rate: int = 0) -> Any:
    """FFmpeg's filters one behind the other, for frames like this one, at a rate if they ask."""
    import av.filter

    graph = av.filter.Graph()
    kind = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}"
    clock = f"time_base={frame.time_base or Fraction(1, 1000)}:frame_rate={rate}"
    last = graph.add("buffer", f"{kind}:{clock}")
    for name, options in [*filters, ("buffersink", "")]:
        node = graph.add(name, options)
        last.link_to(node)
        last = node
    graph.configure()
    return graph
