"""What drawings are called in a sheet and as files, as Clip Studio and OpenToonz read them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import CutError, counted
from .plan import CutPlan
from .values import Cut, Drawing

LEVEL = "A"
"""What a cel is called that has no name."""

_NUMBERED = re.compile(r"(.*?)([0-9]{1,9})", re.DOTALL)
_NO_FILE_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f\ud800-\udfff]')
_SEPARATORS = "_-. "
_LONGEST = 110
"""Bytes of a cel's or a drawing's name: both with number and ending stay under the 255 of disks."""


def name_drawings(cut: Cut, plan: CutPlan) -> dict[Drawing, str]:
    """The name of every drawing; keys keep theirs.

    In-betweens are numbered as animators do: from the key on, where the keys' own numbers leave
    room (``1``, ``5``: in-betweens ``2 3 4``), else after the greatest number that a key has.
    """
    names = {Drawing(key=key.name): key.name for key in cut.keys}
    taken = set(names.values())
    prefix, width = _pattern(list(taken))
    numbers = {} if prefix is None else {name: int(name[len(prefix) :]) for name in taken}
    following = max(numbers.values(), default=0) + 1

    def called(number: int) -> str:
        return f"{prefix or ''}{number:0{width}d}"

    for segment, drawings in enumerate(plan.in_betweens):
        new = [drawing for drawing in drawings if drawing not in names]
        first, last = (numbers.get(key.name) for key in cut.ends(segment))
        between: list[str] = []
        if first is not None and last is not None and first + len(new) < last:
            between = [called(first + i) for i in range(1, len(new) + 1)]
        if not between or taken & set(between):
            between = []
            while len(between) < len(new):
                if called(following) not in taken:
                    between.append(called(following))
                following += 1
        names.update(zip(new, between, strict=True))
        taken |= set(between)
    return names


def _pattern(names: Sequence[str]) -> tuple[str | None, int]:
    """What all names begin with before a number, and its digits where they are padded."""
    matches = [_NUMBERED.fullmatch(name) for name in names]
    found = [match for match in matches if match]
    prefixes = {match[1] for match in found}
    if len(found) < len(names) or len(prefixes) != 1:
        return None, 1
    # Of equal numbers, as in 1 and 01, neither is the name of a number.
    if len({int(match[2]) for match in found}) < len(names):
        return None, 1
    padded = [len(match[2]) for match in found if match[2].startswith("0")]
    return prefixes.pop(), max(padded, default=1)


def level_of(names: Sequence[str]) -> str:
    """The cel that keys without a sheet belong to: the letters that all names begin with."""
    prefix, _ = _pattern(list(dict.fromkeys(names)))
    return (prefix or "").rstrip(_SEPARATORS) or LEVEL


def file_names(names: Sequence[str], level: str) -> dict[str, str]:
    """The file of each drawing by its name: ``A_0001.png`` for ``1`` and for ``A1`` in cel A.

    Names without a number stay as they are after the cel's, without what no disk takes; no two
    are the same to a system that takes capitals for small letters.
    """
    level = _safe(level) or LEVEL
    files: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        number = _number_in(name, level)
        stem = f"{level}_{_safe(name)}" if number is None else f"{level}_{number:04d}"
        file = _free(stem, taken)
        taken.add(file.casefold())
        files[name] = f"{file}.png"
    return files


def folder_names(levels: Sequence[str]) -> list[str]:
    """A folder for each cel, named like it without what no disk takes; no two are the same."""
    found: list[str] = []
    for level in levels:
        found.append(_free(_safe(level) or LEVEL, {name.casefold() for name in found}))
    return found


def _free(stem: str, taken: set[str]) -> str:
    """A name that is not taken yet: this one, or with a number after it."""
    name, again = stem, 2
    while name.casefold() in taken:
        name, again = f"{stem}_{again}", again + 1
    return name


def match_files(
    names: Sequence[str],
    files: Sequence[Path],
    level: str,
    others: Sequence[tuple[str, str]] = (),
) -> dict[str, Path]:
    """The file of each key's name: its own, or with the cel's before it, or of the same number.

    So ``1`` is in ``1.png``, ``A1.png`` or ``A_0001.png`` of cel A. ``CutError`` lists every name
    without a file and every file without a name, and names that several files could be. ``others``
    are names in other cels of the sheet, each with its cel, whose files may lie there, too.
    """
    found: dict[str, Path] = {}
    left = list(files)
    for matches in (_is_exact, _is_of_level, _is_of_number):
        for name in dict.fromkeys(names):
            if name in found:
                continue
            fitting = [path for path in left if matches(path.stem, name, level)]
            if len(fitting) > 1:
                listed = ", ".join(f"'{path.name}'" for path in fitting)
                raise CutError(f"Key '{name}' could be any of {listed}: keep one of them.")
            if fitting:
                found[name] = fitting[0]
                left.remove(fitting[0])
    left = [path for path in left if not any(_fits(path.stem, *other) for other in others)]
    missing = [f"'{name}'" for name in dict.fromkeys(names) if name not in found]
    faults = []
    if missing:
        faults.append(f"no file for {counted(len(missing), 'key')}: {', '.join(missing)}")
    if left:
        listed = ", ".join(f"'{path.name}'" for path in left)
        faults.append(f"no key for {counted(len(left), 'file')}: {listed}")
    if faults:
        raise CutError(
            f"The keys of cel '{level}' and their files do not belong together: there is "
            f"{'; there is '.join(faults)}. Name each file like its key, such as "
            f"'{level}_0001.png' for '1'."
        )
    return {name: found[name] for name in dict.fromkeys(names)}


def table(names: Mapping[Drawing, str], files: Mapping[str, str]) -> list[dict[str, object]]:
    """Which is which: every drawing's name, its file, and what it is."""
    rows: list[dict[str, object]] = []
    for drawing, name in names.items():
        row: dict[str, object] = {"name": name, "file": files[name]}
        if drawing.moment is None:
            row["is"] = "key"
        else:
            row |= {
                "is": "in-between",
                "segment": (drawing.segment or 0) + 1,
                "half": drawing.moment.half,
                "moment": drawing.moment.index + 1,
                "position": round(float(drawing.moment.position), 6),
            }
        rows.append(row)
    return rows


def _fits(stem: str, name: str, level: str) -> bool:
    return any(matches(stem, name, level) for matches in (_is_exact, _is_of_level, _is_of_number))


def _is_exact(stem: str, name: str, level: str) -> bool:
    return stem == name


def _is_of_level(stem: str, name: str, level: str) -> bool:
    return stem.startswith(level) and stem[len(level) :].lstrip(_SEPARATORS) == name


def _is_of_number(stem: str, name: str, level: str) -> bool:
    number = _number_in(name, level)
    return number is not None and number == _number_in(stem, level)


def _number_in(name: str, level: str) -> int | None:
    """The number that a name is, with or without the cel's name before it."""
    rest = name[len(level) :].lstrip(_SEPARATORS) if name.startswith(level) else name
    return int(rest) if re.fullmatch(r"[0-9]{1,9}", rest) else None


def _safe(name: str) -> str:
    """A name without what no disk takes; disks count bytes, of which a letter may have four."""
    letters = _NO_FILE_NAME.sub("_", name).strip(". ")[:100]
    return letters.encode()[:_LONGEST].decode(errors="ignore")
