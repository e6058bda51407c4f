"""Draws segments of many cuts with networks that are loaded once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import OutputError, ToonCrafterError
from ..cut import clip_drawer
from .task import CutTask, SegmentJob, draw_segment, is_drawn, prepare_task

if TYPE_CHECKING:
    from ...interpolation.session import Session
    from ..cut.prepared import PreparedCut


@dataclass(kw_only=True)
class SegmentWorker:
    """Draws one segment at a time; the clips are in the cut's store afterwards."""

    shared: Mapping[str, Any]
    """Options of ``cut`` that hold for all cuts."""
    _task: CutTask | None = field(default=None, init=False)
    _cut: "PreparedCut | None" = field(default=None, init=False)
    _session: "Session | None" = field(default=None, init=False)

    def is_done(self, job: SegmentJob) -> bool:
        """Whether every clip of the segment is there."""
        return is_drawn(self._prepared(job.task), job.segment)

    def __call__(self, job: SegmentJob) -> str | None:
        """Draw what is not there yet; the error where the cut is at fault.

        ``OutputError`` for a full disk: that is no fault of one cut.
        """
        try:
            cut = self._prepared(job.task)
            draw_segment(cut, job.segment, clip_drawer(self._session_for(cut), is_quiet=True))
        except OutputError:
            raise
        except ToonCrafterError as error:
            return str(error)
        return None

    def _prepared(self, task: CutTask) -> "PreparedCut":
        """The cut, read once for segments that follow each other."""
        if self._cut is None or self._task != task:
            self._task, self._cut = None, None
            self._cut = prepare_task(task, self.shared)
            self._task = task
        return self._cut

    def _session_for(self, cut: "PreparedCut") -> "Session":
        """The networks; others only where a cut names other weights."""
        from ...interpolation.session import Session

        if self._session is None or self._session.settings != cut.weights:
            self._session = None
            self._session = Session(cut.weights)
        return self._session
