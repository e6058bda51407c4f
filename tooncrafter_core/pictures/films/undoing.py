"""Makes whole frames of woven ones, by FFmpeg's filters.

Interlaced video keeps its rate: of each frame one field stays and the other is filled in from it
and the neighbours (bwdif). Telecined film gets its own frames back, four of every five, as each
field still lies there with its partner (fieldmatch, decimate). Any frame can be asked for: filters
see so many frames before it that they give what they give from the beginning.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from .fields import CYCLE, Weave
from .pixels import check_size, linked

# Numbers of whole frames count what comes out, numbers of woven frames what the file holds.

KEPT = CYCLE - 1
"""Frames that are left of a cycle of telecine."""

RATE = 30
"""Of the filters' clock, which counts frames."""

Frames = Callable[[int, int], Iterator[tuple[int, Any]]]
"""Decoded frames, numbered, from the first up to an end."""


def num_whole(weave: Weave, num_woven: int) -> int:
    """How many frames are left of so many."""
    if weave.kind == "interlaced":
        return num_woven
    cycles, rest = divmod(num_woven, CYCLE)
    return KEPT * cycles + rest


def whole_frames(
    weave: Weave, woven: Frames, num_woven: int, first: int, end: int, name: str
) -> Iterator[tuple[int, Any]]:
    """Numbers and frames from ``first`` up to ``end``; missing ones repeat the one before.

    ``name`` is the film's, for messages.
    """
    if weave.kind == "interlaced":
        begin, last = max(first - 1, 0), min(end + 1, num_woven)
        number = begin
    else:  # of the first cycle that the filters see, other frames may be left out
        cycle = max(first // KEPT - 1, 0)
        begin, last = CYCLE * cycle, min(CYCLE * (-(-end // KEPT) + 1), num_woven)
        number = KEPT * cycle
    for frame in _filtered(_filters(weave), _without_gaps(woven(begin, last), begin), name):
        if number >= end:
            return
        if number >= first:
            yield number, frame
        number += 1


def _filters(weave: Weave) -> list[tuple[str, str]]:
    parity = "tff" if weave.top_first else "bff"
    fill = f"mode=send_frame:parity={parity}:deint="
    if weave.kind == "interlaced":
        return [("bwdif", f"{fill}all")]
    # What finds no partner, at edits, is filled in as interlaced video is. At cuts between shots
    # too the frame that is left out is the one most like its neighbour, not the first of a shot.
    return [
        ("fieldmatch", f"order={parity}:combmatch=full"),
        ("bwdif", f"{fill}interlaced"),
        ("decimate", f"cycle={CYCLE}:scthresh=100"),
    ]


def _without_gaps(frames: Iterator[tuple[int, Any]], begin: int) -> Iterator[tuple[int, Any]]:
    """The frames with the last one again where some cannot be decoded."""
    last: Any = None
    expected = begin
    for number, frame in frames:
        for missing in range(expected, number):
            yield missing, frame if last is None else last
        yield number, frame
        expected, last = number + 1, frame


def _filtered(
    filters: list[tuple[str, str]], frames: Iterator[tuple[int, Any]], name: str
) -> Iterator[Any]:
    graph: Any = None
    size = 0, 0
    for number, frame in frames:
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        if graph is None:
            graph, size = linked(frame, filters, RATE), (frame.width, frame.height)
        check_size(frame, size, name)
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[Any]:
    """What a graph has ready."""
    import av.error

    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield frame
