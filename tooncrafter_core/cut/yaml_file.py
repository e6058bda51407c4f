"""A whole cut in one YAML file: keys, timing, what is drawn, and what one segment has of its own.

Every name and value is checked when the file is read; a name that is not known is refused with the
nearest that is.
"""

import difflib
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from ..errors import CutError
from ..files import read_text
from .spacing import spacings_of
from .values import Cut, PlacedSketch
from .yaml_values import WrittenFloat, WrittenInt, parsed

LARGEST = 1 << 20
"""Letters."""


@dataclass(frozen=True, kw_only=True)
class SegmentFile:
    """What one segment has of its own; None is the cut's."""

    spacing: str | None = None
    prompt: str | None = None
    seed: int | None = None
    motion_fps: float | None = None
    sketches: dict[int, str] = field(default_factory=dict)
    """By moment, from 1."""


@dataclass(frozen=True, kw_only=True)
class CutFile:
    """What a cut file says; None and nothing where it says nothing."""

    keys: list[str] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    """From 1."""
    on: int | None = None
    spacing: list[str] = field(default_factory=list)
    length: int | None = None
    cycle: bool = False
    sheet: str | None = None
    cel: str | None = None
    fps: float | None = None
    draw_holds: bool = False
    colour_lock: bool = False
    alpha: str = "white"
    """``keep`` or ``white``."""
    smooth: list[str] = field(default_factory=list)
    """Keys whose motion is smoothed, or ``all``."""
    candidates: int | None = None
    """Seeds of each segment, of which one is taken."""
    take: dict[int, int] = field(default_factory=dict)
    """The seed that is taken, by the number of its segment; of others the best."""
    checkpoint: str | None = None
    formats: list[str] = field(default_factory=list)
    """Of films, such as ``mp4``."""
    drawing: dict[str, object] = field(default_factory=dict)
    """Settings of the drawing by name, checked against their class."""
    segments: dict[int, SegmentFile] = field(default_factory=dict)
    """By number, from 1."""


def read_cut_file(path: str | Path, settings: type, without: Sequence[str] = ()) -> CutFile:
    """Read and check a cut file; its paths are from its own folder on.

    ``settings`` is the dataclass whose fields ``drawing`` may have, but for those ``without``.
    ``CutError`` in one sentence for a file that cannot be read, a name that is not known and a
    value of another kind.
    """
    path = Path(path)
    values = _load(path)
    where = f"'{path.name}'"
    known = get_type_hints(CutFile)
    drawing = _checked(
        _mapping(values.pop("drawing", {}), f"'drawing' of {where}"),
        {name: kind for name, kind in get_type_hints(settings).items() if name not in without},
        f"'drawing' of {where}",
    )
    segments = {
        _number(number, where): _segment(own, f"segment {number} of {where}", path.parent)
        for number, own in _mapping(values.pop("segments", {}), f"'segments' of {where}").items()
    }
    given = _checked(values, known, where)
    folder = path.parent
    for name in ("sheet", "checkpoint"):
        if given.get(name) is not None:
            given[name] = str(folder / given[name])
    given["keys"] = [str(folder / key) for key in given.get("keys", [])]
    return CutFile(**given, drawing=drawing, segments=segments)


def with_own(cut: Cut, segments: Mapping[int, SegmentFile]) -> Cut:
    """The cut with what single segments have of their own; ``CutError`` for one not there."""
    changed = list(cut.segments)
    for number, own in segments.items():
        if not 1 <= number <= len(changed):
            raise CutError(f"There is no segment {number}: the cut has {len(changed)}.")
        segment = changed[number - 1]
        if own.spacing is not None and segment.frames:
            spacings = spacings_of(own.spacing, len(segment.frames), number)
            segment = replace(segment, spacings=spacings)
        changed[number - 1] = replace(
            segment,
            prompt=own.prompt,
            seed=own.seed,
            motion_fps=own.motion_fps,
            sketches=tuple(
                PlacedSketch(moment=moment - 1, picture=Path(picture))
                for moment, picture in own.sketches.items()
            ),
        )
    return replace(cut, segments=tuple(changed))


def _load(path: Path) -> dict[object, object]:
    """The names and values of a YAML file."""
    text = read_text(path, CutError)
    if len(text) > LARGEST:
        raise CutError(f"'{path}' has more than {LARGEST >> 20} MB: it is no cut file.")
    try:
        values = parsed(text)
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise CutError(f"'{path}' is no YAML that can be read: {reason}") from error
    except ValueError as error:
        raise CutError(f"'{path}' holds a value that cannot be read: {error}.") from error
    return _mapping(values, f"'{path.name}'")


def _segment(values: object, where: str, folder: Path) -> SegmentFile:
    given = _checked(_mapping(values, where), get_type_hints(SegmentFile), where)
    sketches = given.pop("sketches", {})
    return SegmentFile(
        **given, sketches={moment: str(folder / name) for moment, name in sketches.items()}
    )


def _mapping(value: object, where: str) -> dict[object, object]:
    if not isinstance(value, dict):
        raise CutError(f"{where} must hold names and values, such as 'on: 2', not {value!r}.")
    return value


def _number(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CutError(f"{where} numbers a segment {value!r}: segments count 1, 2, 3.")
    return int(value)


def _checked(
    values: Mapping[object, object], known: Mapping[str, object], where: str
) -> dict[str, Any]:
    """Values of known names, each of the kind that its name has."""
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
            meant = f"; did you mean '{close[0]}'?" if close else f": it has {', '.join(known)}."
            raise CutError(f"{where} has no name '{name}'{meant}")
    return {
        name: _value(value, known[name], f"'{name}' of {where}")
        for name, value in values.items()
        if isinstance(name, str)
    }


def _value(value: object, kind: Any, where: str) -> Any:
    """A value as the kind that it must have: whole numbers count as any number."""
    if get_origin(kind) in (Union, types.UnionType):
        kinds = get_args(kind)
        if value is None and type(None) in kinds:
            return None
        return _value(value, next(k for k in kinds if k is not type(None)), where)
    if get_origin(kind) is Literal:
        if value not in get_args(kind) or isinstance(value, bool):
            choices = ", ".join(map(str, get_args(kind)))
            raise CutError(f"{where} is one of {choices}; not {value!r}.")
        return value
    if get_origin(kind) is list:
        items = value if isinstance(value, list) else [value]
        return [_value(item, get_args(kind)[0], where) for item in items]
    if get_origin(kind) is dict:
        of_names, of_values = get_args(kind)
        return {
            _value(name, of_names, where): _value(inner, of_values, where)
            for name, inner in _mapping(value, where).items()
        }
    if isinstance(value, int | float) and not isinstance(value, bool):
        if kind is float:
            return float(value)
        # A place such as 0.5 and a name such as 1 are numbers to YAML.
        if kind is str:
            is_written = isinstance(value, WrittenInt | WrittenFloat)
            return value.written if is_written else str(value)
        if kind is int and isinstance(value, int):
            return int(value)
    if (kind is int and isinstance(value, bool)) or not isinstance(value, kind):
        wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise CutError(f"{where} must be {wanted.get(kind, 'something else')}, not {value!r}.")
    return value
