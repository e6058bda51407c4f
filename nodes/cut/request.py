"""What 'ToonCrafter Cut' is asked for, read and checked before anything is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ...tooncrafter_core.cut.keys import size_note
from ...tooncrafter_core.cut.motion.joints import chosen_joints, joints_note
from ...tooncrafter_core.cut.names import LEVEL, level_of, name_drawings
from ...tooncrafter_core.cut.output import fillings
from ...tooncrafter_core.cut.plain import parse_frames, time_cut
from ...tooncrafter_core.cut.plan import CutPlan, plan_cut
from ...tooncrafter_core.cut.sheets.columns import ExposureSheet, choose_column
from ...tooncrafter_core.cut.sheets.order import cut_of, dots_note
from ...tooncrafter_core.cut.sheets.write import check_names
from ...tooncrafter_core.cut.store import MAX_SEED
from ...tooncrafter_core.cut.values import Cut, Drawing
from ...tooncrafter_core.cut.yaml_file import SegmentFile, with_own
from ...tooncrafter_core.errors import CutError
from ...tooncrafter_core.pictures.fitting import FitMode
from ...tooncrafter_core.pictures.keyframes import check_keyframes
from ..bridge.images import to_pixels
from .alpha import with_mask
from .exposure import numbers_of
from .job import CutJob, digest_of_image
from .options.clear_keys import WHITE, transparency
from .options.finish import Finish
from .options.placed_sketches import read_sketches
from .report import report_of
from .sheet_text import new_sheet, parse_sheet

MOST_KEYS = 100
"""Each segment is a few nodes, and ComfyUI walks along them in depth."""


@dataclass(frozen=True, kw_only=True)
class CutRequest:
    """The values of the node's inputs that say what is drawn and when it is shown."""

    frames: str
    on: int
    spacing: str
    cycle: bool
    prompts: str
    seed: int
    width: int
    height: int
    fit: FitMode
    sheet: str = ""
    names: str = ""
    cel: str = ""
    seeds: str = ""
    length: int = 0
    fps: float = 24.0
    draw_holds: bool = False
    mask: Tensor | None = None
    sketches: Tensor | None = None
    sketch_places: str = ""
    colour_lock: bool = False
    alpha: str = WHITE
    smooth: str = ""


@dataclass(frozen=True, kw_only=True)
class _Timed:
    """A cut, which picture of the batch each key is, and the sheet that it came from."""

    cut: Cut
    level: str
    numbers: Mapping[str, int]
    notes: Sequence[str] = ()
    sheet: tuple[ExposureSheet, int] | None = None


def read_job(keys: Tensor, request: CutRequest) -> CutJob:
    """The cut that is asked for; ``CutError`` or ``KeyframeError`` for what cannot be drawn."""
    if len(keys) > MOST_KEYS:
        raise CutError(
            f"There are {len(keys)} keys, and one 'ToonCrafter Cut' draws at most {MOST_KEYS}: "
            "divide the cut."
        )
    if request.mask is not None:
        keys = with_mask(keys, request.mask)
    sketches = read_sketches(request.sketches, request.sketch_places)
    timed = _by_sheet(keys, request) if request.sheet.strip() else _plain(keys, request)
    cut = sketches.put_in(with_own(timed.cut, _own(len(timed.cut.segments), request)))
    came = {name: keys[number : number + 1] for name, number in timed.numbers.items()}
    for name, picture in came.items():
        _check_key(name, picture)
    pictures, clear, said = transparency(came, request.alpha)
    digests = {name: digest_of_image(picture) for name, picture in pictures.items()}
    plan = plan_cut(
        cut, lambda one, other: digests[one.name] == digests[other.name], request.draw_holds
    )
    check_names(key.name for key in cut.keys)
    names = name_drawings(cut, plan)
    smooth = _names(request.smooth)
    joints = chosen_joints(cut, plan, smooth) if smooth else []
    bent = [joints_note(joints)] if smooth else []
    height, width = keys.shape[1:3]
    size = size_note((width, height), (request.width, request.height), request.fit)
    notes = [*([size] if size else []), *said, *sketches.warnings, *timed.notes, *plan.notes, *bent]
    return CutJob(
        cut=cut,
        plan=plan,
        keys=pictures,
        digests=digests,
        sketches=sketches.pictures,
        finish=Finish(locks_colour=request.colour_lock, joints=joints, clear=clear),
        names=names,
        width=request.width,
        height=request.height,
        fit=request.fit,
        sheet=_filled(timed, cut, plan, names),
        report=report_of(cut, plan, names, request.seed, notes),
    )


def _names(text: str) -> list[str]:
    """The names of a list such as ``A2, A4``; none for none."""
    return [name.strip() for line in text.splitlines() for name in line.split(",") if name.strip()]


def lines_of(text: str) -> list[str]:
    """The lines of a text that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _plain(keys: Tensor, request: CutRequest) -> _Timed:
    """Keys at frames."""
    if request.cel.strip():
        raise CutError(
            f"cel '{request.cel.strip()}' names a column of a sheet: connect a sheet, or leave it "
            "empty."
        )
    given = lines_of(request.names)
    if given and len(given) != len(keys):
        raise CutError(f"There are {len(given)} names for {len(keys)} keys: give one for each.")
    names = given or [str(number) for number in range(1, len(keys) + 1)]
    for name in names:
        if names.count(name) > 1:
            raise CutError(f"Two keys are called '{name}': give one another name.")
    frames = parse_frames(request.frames)
    cut = time_cut(
        names,
        frames,
        request.on,
        _spacings(request),
        length=request.length or None,
        fps=request.fps,
        is_cycle=request.cycle,
    )
    numbers = {name: number for number, name in enumerate(names)}
    return _Timed(cut=cut, level=level_of(names), numbers=numbers)


def _by_sheet(keys: Tensor, request: CutRequest) -> _Timed:
    """Keys and circles of a sheet."""
    sheet = parse_sheet(request.sheet)
    column = choose_column(sheet, request.cel.strip() or None)
    cut = cut_of(sheet, column, _spacings(request), request.cycle)
    level = sheet.columns[column].name or LEVEL
    used = list(dict.fromkeys(key.name for key in cut.keys))
    numbers = numbers_of(used, len(keys), request.names, level)
    note = dots_note(sheet, column)
    return _Timed(
        cut=cut, level=level, numbers=numbers, notes=[note] if note else [], sheet=(sheet, column)
    )


def _spacings(request: CutRequest) -> list[str]:
    return lines_of(request.spacing) or [""]


def _own(count: int, request: CutRequest) -> dict[int, SegmentFile]:
    """Prompts and seeds of single segments, by their number from 1."""
    prompts = _one_each("prompts", request.prompts.splitlines(), count)
    seeds = [_seed(text) for text in _one_each("seeds", lines_of(request.seeds), count)]
    return {
        number + 1: SegmentFile(
            prompt=prompts[number] if prompts else None, seed=seeds[number] if seeds else None
        )
        for number in range(count)
    }


def _one_each(what: str, lines: list[str], count: int) -> list[str]:
    """One for each segment, from one for all or one for each; none is none."""
    lines = [line.strip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) <= 1:
        return lines * count
    if len(lines) != count:
        raise CutError(
            f"There are {len(lines)} lines of {what} for {count} segments: give one for all, or "
            "one line for each segment."
        )
    return lines


def _seed(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SEED))
    if not is_number or int(text) > MAX_SEED:
        raise CutError(
            f"'{text}' is no seed: write whole numbers from 0 to {MAX_SEED}, one a line."
        )
    return int(text)


def _check_key(name: str, picture: Tensor) -> None:
    """Refuse what the first segment, or only the last one, would fail with."""
    try:
        check_keyframes(to_pixels(picture), to_pixels(picture))
    except ValueError as error:
        raise CutError(f"Key '{name}': {error}") from error


def _filled(timed: _Timed, cut: Cut, plan: CutPlan, names: Mapping[Drawing, str]) -> str:
    """The sheet that was given with its circles filled, else a new one."""
    if timed.sheet is not None:
        sheet, column = timed.sheet
        return sheet.filled(fillings(cut, plan, names, column)).decode()
    shown = [None if drawing is None else names[drawing] for drawing in plan.sheet.frames]
    return new_sheet(timed.level, shown, cut.fps).decode()
