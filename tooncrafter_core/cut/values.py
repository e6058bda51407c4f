"""What a cut is made of: keys, segments, drawings, and the sheet that exposes them.

Plain data without torch. Frames count from 0 here and from 1 in what people read and type; a sheet
may have values at negative frames, which hold until the first that is shown.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from ..errors import CutError

NUM_MOMENTS = 16
"""Frames of a clip as the model was trained on them; the first and the last are the two ends."""
MIDDLE = (NUM_MOMENTS - 1) // 2
"""The moment that becomes a key where a segment is drawn in halves."""

MAX_LENGTH = 20_000
"""Frames of a cut; half an hour on ones is 43,200, and no cut is near that."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """A drawing that the animator gives, at the frame where it is first shown."""

    name: str
    frame: int
    picture: Path | None = None
    """Its file, where one is known."""


@dataclass(frozen=True, kw_only=True, order=True)
class Moment:
    """One of the 16 frames of a clip that was drawn for a segment, or for a half of it."""

    half: str = ""
    """Nothing for the whole segment, ``1`` and ``2`` for its halves, ``12`` for the second half
    of the first."""
    index: int
    """0 to 15; 0 and 15 are the ends of that clip."""

    @property
    def position(self) -> Fraction:
        """Where it lies between the two keys of the segment, 0 to 1."""
        begin, end = span_of(self.half)
        return begin + (end - begin) * Fraction(self.index, NUM_MOMENTS - 1)


def span_of(half: str) -> tuple[Fraction, Fraction]:
    """Where a half begins and ends between the two keys of its segment."""
    begin, end = Fraction(0), Fraction(1)
    for step in half:
        middle = begin + (end - begin) * Fraction(MIDDLE, NUM_MOMENTS - 1)
        begin, end = (begin, middle) if step == "1" else (middle, end)
    return begin, end


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One picture of the cut: a key, or a moment of a segment."""

    key: str | None = None
    """The key's name."""
    segment: int | None = None
    """From 0."""
    moment: Moment | None = None

    def __post_init__(self) -> None:
        is_key = self.key is not None
        assert is_key == (self.segment is None) == (self.moment is None), self


@dataclass(frozen=True, kw_only=True)
class PlacedSketch:
    """A sketch that one moment of a segment follows."""

    moment: int
    """From 0."""
    picture: Path


@dataclass(frozen=True, kw_only=True)
class Segment:
    """What lies between two neighbouring keys; settings that are None are the cut's."""

    frames: tuple[int, ...] = ()
    """Where each in-between is first shown."""
    spacings: tuple[Fraction, ...] = ()
    """Where each lies between the two keys, above 0 and below 1, ascending."""
    prompt: str | None = None
    seed: int | None = None
    motion_fps: float | None = None
    sketches: tuple[PlacedSketch, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Keys with their frames, and a segment between each two neighbours.

    ``CutError`` when they do not belong together.
    """

    keys: tuple[Key, ...]
    segments: tuple[Segment, ...]
    """One fewer than keys; of a cycle as many, the last one leading back to the first key."""
    length: int
    """Frames of the film."""
    fps: float = 24.0
    is_cycle: bool = False
    blanks: tuple[int, ...] = ()
    """Frames from which nothing is shown until the next drawing."""

    def __post_init__(self) -> None:
        check_keys(self.keys)
        check_length(self.length)
        check_fps(self.fps)
        asked = len(self.keys) - (not self.is_cycle)
        if len(self.segments) != asked:
            raise CutError(
                f"{len(self.keys)} keys have {asked} segments between them, not "
                f"{len(self.segments)}."
            )
        for number, segment in enumerate(self.segments, start=1):
            _check_segment(segment, number, *self.span(number - 1))

    def ends(self, segment: int) -> tuple[Key, Key]:
        """The two keys of a segment."""
        return self.keys[segment], self.keys[(segment + 1) % len(self.keys)]

    def span(self, segment: int) -> tuple[int, int]:
        """The frames of the two keys of a segment; a cycle is closed where it is repeated."""
        is_last = segment + 1 == len(self.keys)
        end = self.length if is_last else self.keys[segment + 1].frame
        return self.keys[segment].frame, end


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Which drawing each frame of the film shows; None is nothing."""

    frames: tuple[Drawing | None, ...]

    def changes(self) -> list[tuple[int, Drawing | None]]:
        """Frames at which something else is shown, each with what."""
        before = (None, *self.frames)
        return [
            (i, now)
            for i, (earlier, now) in enumerate(zip(before, self.frames, strict=False))
            if now != earlier or i == 0
        ]


def with_sketches(cut: Cut, segment: int, sketches: tuple[PlacedSketch, ...]) -> Cut:
    """The cut with more sketches for a segment, which is counted from 1; ``CutError`` for others.

    Its later sketches come last.
    """
    segments = list(cut.segments)
    if not 1 <= segment <= len(segments):
        raise CutError(
            f"There is a sketch for segment {segment}, which is not there: the cut has "
            f"{len(segments)}."
        )
    old = segments[segment - 1]
    segments[segment - 1] = replace(old, sketches=(*old.sketches, *sketches))
    return replace(cut, segments=tuple(segments))


def check_keys(keys: tuple[Key, ...]) -> None:
    """``CutError`` for fewer than two keys, two at one frame, and frames out of order."""
    if len(keys) < 2:
        found = "no key" if not keys else f"only one, '{keys[0].name}'"
        raise CutError(f"A cut is drawn between keys: it needs 2 or more, and there is {found}.")
    for one, other in pairwise(keys):
        if one.frame == other.frame:
            raise CutError(
                f"Two keys, '{one.name}' and '{other.name}', are at frame {one.frame + 1}: give "
                "each a frame of its own."
            )
        if one.frame > other.frame:
            raise CutError(
                f"Frames are out of order: key '{other.name}' at frame {other.frame + 1} comes "
                f"after '{one.name}' at frame {one.frame + 1}. Give keys in the order of the film."
            )


def check_length(length: int) -> None:
    """``CutError`` for a film without frames, or with more than any cut has."""
    if not 1 <= length <= MAX_LENGTH:
        raise CutError(f"A cut is 1 to {MAX_LENGTH} frames long, not {length}.")


def check_fps(fps: float) -> None:
    """``CutError`` for a frame rate that nothing can play."""
    if not (math.isfinite(fps) and 0.1 <= fps <= 1000):
        raise CutError(f"A cut plays at 0.1 to 1000 frames a second, not at {fps:g}.")


def _check_segment(segment: Segment, number: int, begin: int, end: int) -> None:
    """Refuse in-betweens that do not lie between their keys, each later than the one before."""
    places = [begin, *segment.frames, end]
    if segment.frames and any(one >= other for one, other in pairwise(places)):
        frames = ", ".join(str(frame + 1) for frame in segment.frames)
        raise CutError(
            f"Segment {number} has in-betweens at frames {frames}: they must lie between its keys "
            f"at frames {begin + 1} and {end + 1}, each later than the one before."
        )
    if len(segment.frames) != len(segment.spacings):
        raise CutError(
            f"Segment {number} has {len(segment.frames)} in-betweens and "
            f"{len(segment.spacings)} spacings: give one for each."
        )
    if any(one >= other for one, other in pairwise([0, *segment.spacings, 1])):
        spacings = ", ".join(map(str, segment.spacings))
        raise CutError(
            f"Segment {number} has the spacings {spacings}: they must lie between 0 and 1, each "
            "greater than the one before."
        )
    moments = [sketch.moment for sketch in segment.sketches]
    for sketch in segment.sketches:
        if moments.count(sketch.moment) > 1:
            raise CutError(
                f"Segment {number} has two sketches at moment {sketch.moment + 1}: keep one."
            )
        if not 0 <= sketch.moment < NUM_MOMENTS:
            raise CutError(
                f"Segment {number} has a sketch at moment {sketch.moment + 1}: its moments are 1 "
                f"to {NUM_MOMENTS}."
            )
