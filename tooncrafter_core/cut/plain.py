"""Timing without an exposure sheet: the keys' frames, and on how many frames each drawing stays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import CutError, counted
from .spacing import EVEN, spacings_of
from .values import MAX_LENGTH, Cut, Key, Segment, check_fps, check_keys, check_length

_SEPARATORS = re.compile(r"[\s,;、，]+")


@dataclass(frozen=True, kw_only=True)
class Charts:
    """Spacings, of which single segments have their own."""

    common: Sequence[str]
    """One for all segments, or one for each."""
    own: Mapping[int, str]
    """By the number of the segment, from 1."""


def parse_frames(text: str) -> list[int]:
    """Read frames such as ``1, 13, 25``, which count from 1; the result counts from 0."""
    parts = [part for part in _SEPARATORS.split(text.strip()) if part]
    frames = []
    for part in parts:
        if not re.fullmatch(r"-?\d{1,9}", part):
            raise CutError(
                f"'{part}' is no frame: write the frame of each key, such as '1, 13, 25'."
            )
        if int(part) < 1:
            raise CutError(f"There is no frame {part}: the first frame is 1.")
        frames.append(int(part) - 1)
    return frames


def time_cut(
    names: Sequence[str],
    frames: Sequence[int],
    on: int = 1,
    spacings: "Sequence[str] | Charts" = (EVEN,),
    *,
    length: int | None = None,
    fps: float = 24.0,
    is_cycle: bool = False,
    pictures: Sequence[Path | None] = (),
) -> Cut:
    """A cut with in-betweens every ``on`` frames between its keys.

    Args:
        names: of the keys, in the order of the film.
        frames: where each is first shown, from 0. A cycle has one more, the frame where the first
            key would be shown again; or its last key is the first once more.
        on: frames that each drawing stays; one before a key may stay shorter.
        spacings: one for all segments or one for each, see ``spacings_of``.
        length: frames of the film; None ends it when the last key has been there for ``on``
            frames, a cycle where it is closed.
        pictures: the keys' files.

    ``CutError`` in one sentence for what does not fit together.
    """
    check_fps(fps)
    if not 1 <= on <= MAX_LENGTH:
        raise CutError(
            f"A drawing stays for 1 to {MAX_LENGTH} frames: on 1, on 2, on 3; not on {on}."
        )
    pictures = pictures or [None] * len(names)
    if is_cycle:
        names, frames, pictures, length = _closed(names, frames, pictures, length)
    elif len(frames) != len(names):
        raise CutError(
            f"{_are(len(names), 'key')} and {len(frames)} frames: give a frame for each key."
        )
    keys = tuple(
        Key(name=name, frame=frame, picture=picture)
        for name, frame, picture in zip(names, frames, pictures, strict=True)
    )
    check_keys(keys)
    length = length if length is not None else keys[-1].frame + on
    check_length(length)
    if keys[-1].frame >= length:
        raise CutError(
            f"Key '{keys[-1].name}' at frame {keys[-1].frame + 1} comes after the end: the cut is "
            f"{length} frames long."
        )
    ends = [*(key.frame for key in keys[1:]), *([length] if is_cycle else [])]
    in_betweens = [
        tuple(range(key.frame + on, end, on)) for key, end in zip(keys, ends, strict=False)
    ]
    return Cut(
        keys=keys,
        segments=spaced(in_betweens, spacings),
        length=length,
        fps=fps,
        is_cycle=is_cycle,
    )


def spaced(
    in_betweens: Sequence[tuple[int, ...]], spacings: "Sequence[str] | Charts"
) -> tuple[Segment, ...]:
    """Segments of these frames, with one spacing for all or one for each; ``CutError`` else.

    Segments with spacings of their own have those: one for all need not fit them.
    """
    own = spacings.own if isinstance(spacings, Charts) else {}
    spacings = spacings.common if isinstance(spacings, Charts) else spacings
    if len(spacings) == 1:
        spacings = list(spacings) * len(in_betweens)
    if len(spacings) != len(in_betweens):
        raise CutError(
            f"{_are(len(in_betweens), 'segment')} and {len(spacings)} spacings: give one for all, "
            "or one for each."
        )
    return tuple(
        Segment(
            frames=frames,
            # A segment without in-betweens needs no chart.
            spacings=spacings_of(own.get(number, text), len(frames), number) if frames else (),
        )
        for number, (frames, text) in enumerate(zip(in_betweens, spacings, strict=True), start=1)
    )


def _closed(
    names: Sequence[str],
    frames: Sequence[int],
    pictures: Sequence[Path | None],
    length: int | None,
) -> tuple[Sequence[str], Sequence[int], Sequence[Path | None], int]:
    """The keys of a cycle, each once, and its length."""
    if len(names) == len(frames) > 2 and names[0] == names[-1]:
        names, pictures = names[:-1], pictures[:-1]
    if len(frames) == len(names) + 1:
        closing = frames[-1]
        if length not in (None, closing):
            raise CutError(
                f"The cycle is closed at frame {closing + 1}, so it is {closing} frames long, not "
                f"{length}."
            )
        return names, frames[:-1], pictures, closing
    if len(frames) == len(names) and length is not None:
        return names, frames, pictures, length
    raise CutError(
        f"{_are(len(names), 'key')} and {len(frames)} frames: a cycle needs one frame more than "
        "keys, where the first is shown again, or its length."
    )


def _are(number: int, noun: str) -> str:
    return f"There {'is' if number == 1 else 'are'} {counted(number, noun)}"
