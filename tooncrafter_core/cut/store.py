"""The store of drawn clips: a folder for each, named by everything that its pixels come from.

What is asked for again is there; what has changed has another name, and the earlier one stays.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from .. import files
from ..errors import CutError
from ..files import read_json, replacing_folder, write_bytes, write_json
from .values import NUM_MOMENTS, Cut, Segment

NOTE = "clip.json"
"""What a clip was drawn from, in its folder."""
SECONDS = "seconds"
"""In that note, how long it took; the clip is the same however long."""
MAX_SEED = 2**64 - 1

_HASH_LENGTH = 24
_VERSION = 1
"""Raised when the same settings no longer give the same pixels."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Everything that the pixels of a clip come from."""

    first: str
    """The digest of its first picture."""
    last: str
    settings: Mapping[str, object]
    """Of the drawing, seed included; plain values."""
    weights: str
    """The digest of every weight file."""
    sketches: Sequence[tuple[int, str]] = ()
    """The moment of each, and its digest."""

    @property
    def hash(self) -> str:
        """The name of the clip's folder."""
        return digest(self.as_plain())[:_HASH_LENGTH]

    def as_plain(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "version": _VERSION,
            "first": self.first,
            "last": self.last,
            "settings": dict(self.settings),
            "weights": self.weights,
            "sketches": [list(sketch) for sketch in self.sketches],
        }


def digest(value: object) -> str:
    """A hash of plain values, the same in every order of their names."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_pixels(pixels: bytes, shape: Sequence[int]) -> str:
    """A hash of a picture's levels and its size."""
    return hashlib.sha256(repr(tuple(shape)).encode() + pixels).hexdigest()


class ClipStore:
    """Clips in a folder, each with its 16 moments as PNG."""

    def __init__(self, folder: Path) -> None:
        """The folder is made with the first clip."""
        self.folder = folder

    def has(self, source: Source) -> bool:
        """Whether a clip is there, whole."""
        return self._note(source) is not None and all(
            path.is_file() for path in self.moments(source)
        )

    def seconds(self, source: Source) -> float | None:
        """How long a clip took to draw; None where that is not known."""
        seconds = (self._note(source) or {}).get(SECONDS)
        return float(seconds) if isinstance(seconds, int | float) else None

    def _note(self, source: Source) -> dict[str, object] | None:
        """The note of a clip, where it is of this source."""
        note = read_json(self.folder / source.hash / NOTE)
        if not isinstance(note, dict):
            return None
        rest = {name: value for name, value in note.items() if name != SECONDS}
        return note if rest == source.as_plain() else None

    def moments(self, source: Source) -> list[Path]:
        """The file of each moment."""
        folder = self.folder / source.hash
        return [folder / f"{number:02d}.png" for number in range(1, NUM_MOMENTS + 1)]

    def add(self, source: Source, pictures: Sequence[bytes], seconds: float | None = None) -> None:
        """Write a clip's moments as PNG files, all or none; a broken one that is there goes."""
        if len(pictures) != NUM_MOMENTS:
            raise CutError(f"A clip has {NUM_MOMENTS} moments, not {len(pictures)}.")
        own = {NOTE, *(path.name for path in self.moments(source))}
        with replacing_folder(self.folder / source.hash, lambda path: path.name in own) as new:
            for path, content in zip(self.moments(source), pictures, strict=True):
                write_bytes(new / path.name, content)
            took = {} if seconds is None else {SECONDS: round(seconds, 3)}
            write_json(new / NOTE, {**source.as_plain(), **took})


def alone_in(folder: Path) -> AbstractContextManager[Callable[[], None]]:
    """Keep other runs out of a folder of results; ``CutError`` when another is at work there."""
    return files.alone_in(folder, CutError)


def redo(cut: Cut, number: int, seed: int) -> Cut:
    """The cut with another seed for one segment, which is counted from 1.

    ``CutError`` for a segment that is not there and a seed out of range.
    """
    if not 1 <= number <= len(cut.segments):
        raise CutError(f"There is no segment {number}: the cut has {len(cut.segments)}.")
    if not 0 <= seed <= MAX_SEED:
        raise CutError(f"A seed is 0 to {MAX_SEED}, not {seed}.")
    segments: list[Segment] = list(cut.segments)
    segments[number - 1] = replace(segments[number - 1], seed=seed)
    return replace(cut, segments=tuple(segments))


def next_seed(seed: int, is_drawn: Callable[[int], bool]) -> int:
    """The next seed after this one that nothing has been drawn with yet."""
    following = seed + 1
    while is_drawn(following):
        following += 1
    return following
