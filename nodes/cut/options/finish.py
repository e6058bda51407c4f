"""What is done to the drawings of a cut after they were drawn: colour lock, smooth motion, alpha.

All of it works on the 256 levels of picture files, as the command does, so that both give the same
drawings. Clips stay as they were drawn: another choice here draws nothing again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ....tooncrafter_core.cut.clear import ClearKeys
from ....tooncrafter_core.cut.colour import Drawn, Reports, lock_clips
from ....tooncrafter_core.cut.drawing import Levels
from ....tooncrafter_core.cut.motion.joints import Joint
from ....tooncrafter_core.cut.motion.smoothing import smoothed
from ....tooncrafter_core.cut.plan import Clip, CutPlan
from ....tooncrafter_core.cut.values import Drawing
from ....tooncrafter_core.interpolation.settings import InterpolationSettings
from ....tooncrafter_core.pictures.levels import from_levels_to_unit, to_levels
from ...bridge.images import to_pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Finish:
    """What is asked for, read and checked."""

    locks_colour: bool = False
    joints: Sequence[Joint] = ()
    """The keys at which motion is smoothed."""
    clear: ClearKeys | None = None
    """Keys with transparency, where it is kept."""

    @property
    def changes_drawings(self) -> bool:
        """Whether anything is done."""
        return self.locks_colour or bool(self.joints) or self.clear is not None

    def content(self) -> list[object]:
        """What stands for it in a hash."""
        return [self.locks_colour, [joint.key for joint in self.joints], self.clear is not None]


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnCut:
    """A cut that was drawn, as IMAGEs at the size that was asked for."""

    plan: CutPlan
    drawings: Mapping[Drawing, Tensor]
    """Each 1 h w 3."""
    clip: Callable[[Clip], Tensor]
    """The moments of a clip, t h w 3."""
    key: Callable[[str], Tensor]
    """A key by its name, 1 h w 3."""
    settings: InterpolationSettings
    """Of which the size and the fit count."""


def finished(drawn: DrawnCut, finish: Finish) -> tuple[dict[Drawing, Tensor], list[str]]:
    """The drawings as they are handed on, 1 h w 3 or 4, and what the report says of it.

    Keys stay to the bit, or to the level where they have alpha.
    """
    if not finish.changes_drawings:
        return dict(drawn.drawings), []
    levels = {one: _levels(picture)[0] for one, picture in drawn.drawings.items()}
    lines: list[str] = []
    if finish.locks_colour:
        clips = Drawn(
            drawn.plan,
            lambda clip: _levels(drawn.clip(clip)),
            lambda name: _levels(drawn.key(name))[0],
        )
        levels, reports = lock_clips(clips, levels, drawn.settings)
        lines = _lock_lines(reports)
    if finish.joints:
        levels = smoothed(finish.joints, levels)
    if finish.clear is not None:
        levels = finish.clear.taken_out(levels, drawn.settings)
    return {
        one: drawn.drawings[one]
        if one.key is not None and finish.clear is None
        else torch.from_numpy(from_levels_to_unit(picture))[None]
        for one, picture in levels.items()
    }, lines


def _levels(image: Tensor) -> Levels:
    """An IMAGE n h w c as levels of a file."""
    return np.ascontiguousarray(to_levels(to_pixels(image)).movedim(1, -1).cpu().numpy())


def _lock_lines(reports: Reports) -> list[str]:
    return [
        f"colours of segment {segment + 1}{f', half {half}' if half else ''}: "
        + report.as_text().replace("\n", "; ")
        for (segment, half), report in reports.items()
    ]
