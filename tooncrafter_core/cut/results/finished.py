"""A cut that is drawn, and not written yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..candidates.choose import Choice
from ..clear import ClearKeys
from ..drawing import CutDrawing
from ..motion.joints import Joint
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
    locks_colour: bool = False
    """Whether drawings get the colours of their keys."""
    joints: Sequence[Joint] = ()
    """Where their motion is smoothed."""
    clear: ClearKeys | None = None
    """The keys with transparency, where it is kept."""

    choices: Sequence[Choice] = ()
    """The candidates of segments of which several were drawn."""

    @property
    def has_alpha(self) -> bool:
        """Whether drawings are transparent in places."""
        return self.clear is not None

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
