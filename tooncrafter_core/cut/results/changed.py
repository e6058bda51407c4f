"""Drawings that are not as the store has them, as files: a cut may have more than memory holds.

Colour lock, smoothing and transparency each read what the one before has made, and write what they
change. Legend: h w space, c channels. Pictures are levels ``h w c``, uint8.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ...files import write_bytes
from ...files.parts import part_in
from ...pictures.colour.report import LockReport
from ...pictures.formats import encode_png
from ...pictures.stills import read_levels
from ..colour import Reports, drawn_clips, locked
from ..drawing import Levels
from ..motion.smoothing import bent_at
from ..plan import Clip
from ..values import Drawing
from .finished import Finished


class StoredDrawings(Mapping[Drawing, Levels]):
    """Every drawing of a cut as its key or the store has it, read when it is asked for."""

    def __init__(self, finished: Finished) -> None:
        self._drawing, self._sources = finished.drawing, finished.sources
        # Keys that no frame shows have files as well.
        self._all = dict.fromkeys([*finished.plan.drawings, *finished.names])

    def __getitem__(self, one: Drawing) -> Levels:
        if one not in self._all:
            raise KeyError(one)
        return self._drawing.levels_of(one, self._sources)

    def __iter__(self) -> Iterator[Drawing]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


class ChangedDrawings(Mapping[Drawing, Levels]):
    """The drawings of a cut of which some were changed; these lie in a folder as PNG."""

    def __init__(self, folder: Path, unchanged: Mapping[Drawing, Levels]) -> None:
        """The folder is made with the first that is changed."""
        self._folder, self._unchanged = folder, unchanged
        self._files: dict[Drawing, Path] = {}
        self._written = 0

    def change(self, made: Iterable[tuple[Drawing, Levels]]) -> None:
        """Write what is made as it comes.

        Where one drawing is read to make another, it is the one before: files are looked for
        when all are made. ``OutputError`` for a full disk.
        """
        files = dict(self._files)
        for one, levels in made:
            self._written += 1
            files[one] = self._folder / f"{self._written}.png"
            write_bytes(files[one], encode_png(levels))
        self._files = files

    def file_of(self, one: Drawing) -> bytes | None:
        """The PNG of a drawing that was changed; None for others."""
        return self._files[one].read_bytes() if one in self._files else None

    def __getitem__(self, one: Drawing) -> Levels:
        return read_levels(self._files[one]) if one in self._files else self._unchanged[one]

    def __iter__(self) -> Iterator[Drawing]:
        return iter(self._unchanged)

    def __len__(self) -> int:
        return len(self._unchanged)


@contextmanager
def changing(folder: Path, unchanged: Mapping[Drawing, Levels]) -> Iterator[ChangedDrawings]:
    """Drawings that can be changed as long as the block lasts; their files lie in ``folder``."""
    with part_in(folder) as part:
        yield ChangedDrawings(part, unchanged)


def change_drawings(drawings: ChangedDrawings, finished: Finished) -> Reports:
    """Lock colours, smooth motion and take out the matte as is asked for; what was locked."""
    reports: Reports = {}

    def on_locked(clip: Clip, report: LockReport) -> None:
        reports[clip.segment, clip.half] = report

    if finished.locks_colour:
        drawn = drawn_clips(finished.drawing, finished.plan)
        drawings.change(locked(drawn, finished.drawing.settings, on_locked))
    if finished.joints:
        drawings.change(bent_at(finished.joints, drawings))
    if finished.clear is not None:
        drawings.change(finished.clear.each_taken_out(drawings, finished.drawing.settings))
    return reports
