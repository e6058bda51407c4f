"""From a cut to what has to be drawn, and from drawings to the frames of the film."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..errors import CutError, counted
from .moments import choose_moments
from .values import MIDDLE, Cut, Drawing, Key, Moment, Sheet

T = TypeVar("T")

IsEqual = Callable[[Key, Key], bool]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip of 16 moments that is drawn between two drawings."""

    segment: int
    half: str = ""
    """Of the segment, as in ``Moment``."""
    first: Drawing
    last: Drawing


@dataclass(frozen=True, kw_only=True)
class CutPlan:
    """What a cut asks for."""

    clips: tuple[Clip, ...]
    """In an order in which the ends of each are there: halves come after their whole."""
    in_betweens: tuple[tuple[Drawing, ...], ...]
    """Of each segment the drawing of each in-between; in a hold, the key."""
    sheet: Sheet
    notes: tuple[str, ...]
    """What the animator should know, one sentence each."""

    @property
    def drawings(self) -> list[Drawing]:
        """Each drawing once, in the order of the film; those that no frame shows come last."""
        shown = [drawing for drawing in self.sheet.frames if drawing is not None]
        hidden = [drawing for drawings in self.in_betweens for drawing in drawings]
        return list(dict.fromkeys([*shown, *hidden]))


def is_same_drawing(one: Key, other: Key) -> bool:
    """Whether two keys are one drawing by name or by file; their pixels are not looked at."""
    return one.name == other.name or (one.picture is not None and one.picture == other.picture)


def plan_cut(cut: Cut, is_equal: IsEqual = is_same_drawing, draws_holds: bool = False) -> CutPlan:
    """Say which clips are drawn, and which drawing each frame shows.

    Nothing is drawn where two neighbouring keys have no in-between, nor where they are equal: the
    frames between show the first of them, unless ``draws_holds``. ``CutError`` for more
    in-betweens between two keys than can be drawn, and for a cut of which no frame shows anything.
    """
    clips: list[Clip] = []
    in_betweens: list[tuple[Drawing, ...]] = []
    notes: list[str] = []
    for index, segment in enumerate(cut.segments):
        first, last = cut.ends(index)
        if not segment.frames:
            in_betweens.append(())
            continue
        if is_equal(first, last) and not draws_holds:
            in_betweens.append((Drawing(key=first.name),) * len(segment.frames))
            notes.append(
                f"Segment {index + 1} is a hold, as its keys '{first.name}' and '{last.name}' are "
                "equal: nothing is drawn."
            )
            continue
        moments = choose_moments(segment.spacings, index + 1)
        in_betweens.append(tuple(Drawing(segment=index, moment=moment) for moment in moments))
        clips += _clips(index, first, last, moments)
        if any(moment.half for moment in moments):
            notes.append(
                f"Segment {index + 1} has {len(moments)} in-betweens, more than one clip has: its "
                "own middle becomes a key and both halves are drawn (approximate)."
            )
    drawn = {clip.segment for clip in clips}
    notes += [
        f"Segment {index + 1} has sketches, and nothing is drawn there: they do nothing."
        for index, segment in enumerate(cut.segments)
        if segment.sketches and index not in drawn
    ]
    if not any(segment.frames for segment in cut.segments):
        notes.append("No segment has a frame for an in-between: nothing is drawn.")
    sheet = Sheet(frames=tuple(_exposures(cut, in_betweens)))
    if all(drawing is None for drawing in sheet.frames):
        raise CutError(
            f"No frame of this cut shows a drawing: its {counted(cut.length, 'frame')} end before "
            "the first one is shown. Make it longer, or move its keys to the front."
        )
    if cut.is_cycle and sheet.frames[0] is None and 0 not in cut.blanks:
        notes.append(
            f"The cycle shows nothing before its first key at frame {cut.keys[0].frame + 1}, in "
            "every round: begin at frame 1 where it should be closed."
        )
    return CutPlan(
        clips=tuple(clips), in_betweens=tuple(in_betweens), sheet=sheet, notes=tuple(notes)
    )


def exposed(sheet: Sheet, drawings: Mapping[Drawing, T]) -> list[T | None]:
    """What each frame of the film shows; None is nothing. ``KeyError`` for one that is missing."""
    return [None if drawing is None else drawings[drawing] for drawing in sheet.frames]


def _clips(segment: int, first: Key, last: Key, moments: Sequence[Moment]) -> list[Clip]:
    """The clips that these moments are taken from, wholes before their halves."""
    halves = {moment.half[:end] for moment in moments for end in range(len(moment.half) + 1)}
    return [
        _clip(segment, half, Drawing(key=first.name), Drawing(key=last.name))
        for half in sorted(halves, key=lambda half: (len(half), half))
    ]


def _clip(segment: int, half: str, first: Drawing, last: Drawing) -> Clip:
    """The clip of a half, between the middle of what it is half of and one of the ends of that."""
    for end, step in enumerate(half):
        middle = Drawing(segment=segment, moment=Moment(half=half[:end], index=MIDDLE))
        first, last = (first, middle) if step == "1" else (middle, last)
    return Clip(segment=segment, half=half, first=first, last=last)


def _exposures(cut: Cut, in_betweens: Sequence[Sequence[Drawing]]) -> Iterator[Drawing | None]:
    """What each frame shows: whatever came last."""
    events: dict[int, Drawing | None] = dict.fromkeys(cut.blanks)
    for segment, drawings in zip(cut.segments, in_betweens, strict=True):
        events.update(zip(segment.frames, drawings, strict=True))
    events.update((key.frame, Drawing(key=key.name)) for key in cut.keys)
    shown = None
    for frame in sorted(frame for frame in events if frame < 0):
        shown = events[frame]
    for frame in range(cut.length):
        shown = events.get(frame, shown)
        yield shown
