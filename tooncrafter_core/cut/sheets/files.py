"""Opens a sheet of any known format."""

from pathlib import Path

from .clip_studio import read_clip_studio
from .columns import ExposureSheet
from .text import SheetText, read_sheet_text
from .xdts import is_xdts, read_xdts


def read_sheet(path: str | Path) -> ExposureSheet:
    """Read an exposure sheet: XDTS by its first line, Clip Studio's CSV by its ending.

    ``SheetError`` in one sentence for a file of another kind.
    """
    return sheet_of(read_sheet_text(path))


def sheet_of(source: SheetText) -> ExposureSheet:
    """The sheet that a text holds."""
    if source.name.lower().endswith(".csv") and not is_xdts(source):
        return read_clip_studio(source)
    return read_xdts(source)
