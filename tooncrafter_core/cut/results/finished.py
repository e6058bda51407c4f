"""A cut that is drawn, and not written yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ...pictures.colour.report import LockReport
from ..candidates.choose import Choice
from ..drawing import CutDrawing, Levels
from ..names import file_names, name_drawings
from ..plan import CutPlan
from ..sheets.columns import ExposureSheet
from ..store import Source
from ..values import Cut, Drawing


@dataclass(frozen=True, kw_only=True, eq=False)
class Finished:
    """A cut of which every clip is in the store."""

    drawing: CutDrawing
    plan: CutPlan
    sources: Mapping[tuple[int, str], Source]
    """Of each clip, by segment and half."""
    level: str
    """The cel's name."""
    sheet: tuple[ExposureSheet, int] | None = None
    """The one that was given, and the column that was drawn."""
    formats: Sequence[str] = (".mp4",)
    """Extensions of the films."""
    changed: Mapping[Drawing, Levels] = field(default_factory=dict)
    """Drawings that are not as the store has them: their colours locked, their motion smoothed."""
    has_alpha: bool = False
    """Whether drawings are transparent in places."""
    colours: Mapping[tuple[int, str], LockReport] | None = None
    """What colour lock has found and done in each clip."""
    choices: Sequence[Choice] = ()
    """The candidates of segments of which several were drawn."""

    @property
    def cut(self) -> Cut:
        """With the seeds that were drawn."""
        return self.drawing.cut

    @cached_property
    def names(self) -> dict[Drawing, str]:
        """Of every drawing."""
        return name_drawings(self.cut, self.plan)

    @cached_property
    def files(self) -> dict[Drawing, str]:
        """The name of every drawing's file."""
        called = file_names(list(self.names.values()), self.level)
        return {drawing: called[name] for drawing, name in self.names.items()}
