"""The cut that the options and a cut file ask for, read and checked."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import CutError, SheetError, check_choice
from ..candidates.options import takes_in
from ..colour.alpha import KEEP, WHITE
from .key_files import key_files, names_of

if TYPE_CHECKING:
    from ...cut.plain import Charts
    from ...cut.sheets.columns import ExposureSheet
    from ...cut.values import Cut, PlacedSketch
    from ...cut.yaml_file import SegmentFile


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the options and the cut file ask for together; an option counts more."""

    keys: Sequence[str]
    frames: Sequence[int]
    """From 0."""
    charts: Sequence[str]
    on: int | None
    length: int | None
    is_cycle: bool
    sheet: str | None
    cel: str | None
    fps: float | None
    draws_holds: bool
    locks_colour: bool
    keeps_alpha: bool
    smooth: Sequence[str]
    """Names of keys, or ``all``."""
    candidates: int | None
    """Of each segment, where several are drawn."""
    takes: Mapping[int, int]
    """Seeds that are taken, by the number of the segment."""
    checkpoint: str | None
    drawing: Mapping[str, Any]
    """Settings of the drawing that the file has."""
    segments: "Mapping[int, SegmentFile]"
    formats: Sequence[str]
    """Of films; none where nothing is said."""
    sketches: "Sequence[tuple[int, PlacedSketch]]"
    """Of options, each with the number of its segment."""

    @property
    def spacings(self) -> "Charts":
        """Of all segments, and those that single segments have."""
        from ...cut.plain import Charts

        own = self.segments.items()
        return Charts(
            common=self.charts,
            own={number: each.spacing for number, each in own if each.spacing is not None},
        )

    @property
    def sheets(self) -> list[str]:
        """The sheet's file, if any."""
        return [self.sheet] if self.sheet else []


def read_request(args: argparse.Namespace) -> Request:
    """Read the cut file, if one is named; ``CutError`` for what it cannot say."""
    from ...cut.plain import parse_frames
    from ...cut.yaml_file import CutFile, read_cut_file
    from ...interpolation.settings import InterpolationSettings

    file = CutFile()
    if args.file is not None:
        file = read_cut_file(args.file, InterpolationSettings, without=("num_frames",))
    check_choice("'alpha'", file.alpha, (WHITE, KEEP))
    frames = parse_frames(args.key_frames or ", ".join(map(str, file.frames)))

    def chosen(option: str, own: Any) -> Any:
        given = getattr(args, option)
        return own if given is None else given

    return Request(
        keys=args.keys or file.keys,
        frames=frames,
        charts=args.charts or file.spacing or ["even"],
        on=chosen("on", file.on),
        length=chosen("length", file.length),
        is_cycle=args.cycle or file.cycle,
        sheet=chosen("sheet", file.sheet),
        cel=chosen("cel", file.cel),
        fps=chosen("fps", file.fps),
        draws_holds=args.draw_holds or file.draw_holds,
        locks_colour=args.colour_lock or file.colour_lock,
        keeps_alpha=chosen("alpha", file.alpha) == KEEP,
        smooth=file.smooth if args.smooth is None else names_in(args.smooth),
        candidates=chosen("candidates", file.candidates),
        takes=file.take if args.take is None else takes_in(args.take),
        checkpoint=chosen("checkpoint", file.checkpoint),
        drawing=file.drawing,
        segments=file.segments,
        formats=[args.formats] if args.formats is not None else file.formats,
        sketches=[parse_sketch(text) for text in args.sketches],
    )


def names_in(text: str) -> list[str]:
    """The names of a list such as ``A2, A4``; ``CutError`` without any."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise CutError("--smooth takes all, or the names of keys, such as A2,A4.")
    return names


def parse_sketch(text: str) -> "tuple[int, PlacedSketch]":
    """``2:8=pose.png`` as the number of a segment and a sketch at its moment."""
    from ...cut.values import PlacedSketch

    match = re.fullmatch(r"\s*(\d{1,6})\s*:\s*(\d{1,6})\s*=\s*(\S.*)", text)
    if match is None:
        raise CutError(
            f"'{text}' does not say which moment and which file: write --sketch 2:8=pose.png for "
            "moment 8 of segment 2."
        )
    return int(match[1]), PlacedSketch(moment=int(match[2]) - 1, picture=Path(match[3].strip()))


@dataclass(frozen=True, kw_only=True)
class TimedCut:
    """A cut with the sheet that it came from, if any."""

    cut: "Cut"
    level: str
    """The cel's name."""
    notes: Sequence[str] = ()
    sheet: "tuple[ExposureSheet, int] | None" = None
    """And the column that is drawn."""
    locks_colour: bool = False
    smooth: Sequence[str] = ()
    """Names of keys whose motion is smoothed, or ``all``."""

    @property
    def inputs(self) -> list[Path]:
        """The files of its keys and sketches."""
        keys = [key.picture for key in self.cut.keys if key.picture is not None]
        return [*keys, *self.sketches]

    @property
    def sketches(self) -> list[Path]:
        """The files of its sketches."""
        return [sketch.picture for segment in self.cut.segments for sketch in segment.sketches]


def read_cut(request: Request) -> TimedCut:
    """The cut that is asked for; ``CutError`` says what does not fit together."""
    from ...cut.values import with_sketches
    from ...cut.yaml_file import with_own

    if not request.keys:
        raise CutError("Name the keys: --keys A1.png A2.png A3.png, or a folder of them.")
    timed = _from_sheet(request, request.sheet) if request.sheet else _plain(request)
    cut = with_own(timed.cut, request.segments)
    for segment, sketch in request.sketches:
        cut = with_sketches(cut, segment, (sketch,))
    return replace(timed, cut=cut, smooth=request.smooth, locks_colour=request.locks_colour)


def _plain(request: Request) -> TimedCut:
    """A cut of keys at frames."""
    from ...cut.names import level_of
    from ...cut.plain import time_cut

    if request.cel is not None:
        raise CutError("--cel names a column of a sheet: add --sheet, or leave it out.")
    if not request.frames:
        raise CutError("Say where keys are shown: --frames 1,13,25, or --sheet FILE.")
    files = key_files(request.keys)
    names = names_of(files)
    cut = time_cut(
        names,
        request.frames,
        1 if request.on is None else request.on,
        request.spacings,
        length=request.length,
        fps=24.0 if request.fps is None else request.fps,
        is_cycle=request.is_cycle,
        pictures=files,
    )
    return TimedCut(cut=cut, level=level_of(names))


def _from_sheet(request: Request, path: str) -> TimedCut:
    """A cut that a sheet asks for."""
    from ...cut.names import LEVEL, match_files
    from ...cut.sheets.columns import choose_column, listing, with_in_betweens
    from ...cut.sheets.files import read_sheet
    from ...cut.sheets.order import cut_of, dots_note

    given = {"frames": request.frames or None, "on": request.on, "length": request.length}
    for option, value in given.items():
        if value is not None:
            raise CutError(
                f"--{option} and --sheet both say when drawings are shown: leave one out."
            )
    sheet = read_sheet(path)
    if request.cel is None and len(found := with_in_betweens(sheet)) > 1:
        raise SheetError(
            f"'{sheet.name}' has circles in several cels: choose one of "
            f"{listing(sheet.columns, found)} with --cel, or draw each of them with --cel all."
        )
    column = choose_column(sheet, request.cel)
    cut = cut_of(sheet, column, request.spacings, request.is_cycle)
    level = sheet.columns[column].name or LEVEL
    others = [
        (value, other.name or LEVEL)
        for index, other in enumerate(sheet.columns)
        for value in other.cells.values()
        if index != column and isinstance(value, str)
    ]
    files = list(dict.fromkeys(key_files(request.keys, level)))
    pictures = match_files([key.name for key in cut.keys], files, level, others)
    cut = replace(
        cut,
        keys=tuple(replace(key, picture=pictures[key.name]) for key in cut.keys),
        fps=cut.fps if request.fps is None else request.fps,
    )
    note = dots_note(sheet, column)
    notes = [note] if note else []
    return TimedCut(cut=cut, level=level, notes=notes, sheet=(sheet, column))
