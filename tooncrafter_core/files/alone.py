"""Keeps a second run out of a folder of results: two would mix what they write."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError, ToonCrafterError
from .parts import is_abandoned, is_of_this_machine, part_in, parts_of
from .writing import errors_in_words

logger = logging.getLogger(__name__)

BEAT = 60.0
"""Seconds between two signs of life."""
SILENT_AFTER = 10 * BEAT
"""Seconds after which a run on another machine counts as gone."""


@contextmanager
def alone_in(
    folder: Path, error: Callable[[str], ToonCrafterError] = OutputError
) -> Iterator[Callable[[], None]]:
    """Keep other runs out of a folder, which is made.

    ``error`` makes the exception when another run is at work there. What is yielded raises
    ``OSError`` once the mark of this run is gone, and so the folder.
    """
    with errors_in_words(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with part_in(folder) as mine:
        with errors_in_words(folder):
            mine.touch()
        for other in parts_of(folder):
            if other != mine and _is_at_work(other):
                raise error(
                    f"Another run is at work in '{folder}': wait until it has ended, or name "
                    f"another folder. If there is none, remove '{other.name}' from it."
                )
        ended = threading.Event()
        beat = threading.Thread(target=_beat, args=(mine, ended), daemon=True)
        beat.start()
        try:
            yield mine.touch
        finally:
            ended.set()
            beat.join()


def _is_at_work(part: Path) -> bool:
    """Whether the run of a part lives: by its process here, by its last sign elsewhere."""
    try:
        if is_of_this_machine(part):
            return not is_abandoned(part)
        return time.time() - part.lstat().st_mtime < SILENT_AFTER
    except FileNotFoundError:  # it has just ended
        return False


def _beat(mine: Path, ended: threading.Event) -> None:
    """Give a sign of life again and again, however long a step of the run takes."""
    while not ended.wait(BEAT):
        try:
            if mine.exists():
                mine.touch()
        except OSError as error:
            logger.warning("'%s' cannot be marked as in use: %s", mine.parent, error)
            return
