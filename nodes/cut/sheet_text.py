"""Exposure sheets as text between nodes."""

import codecs
from collections.abc import Sequence

from ...tooncrafter_core.cut.names import LEVEL
from ...tooncrafter_core.cut.sheets.columns import ExposureSheet
from ...tooncrafter_core.cut.sheets.files import sheet_of
from ...tooncrafter_core.cut.sheets.order import names_shown, shown_column
from ...tooncrafter_core.cut.sheets.text import sheet_text
from ...tooncrafter_core.cut.sheets.write import new_clip_studio, new_xdts
from ...tooncrafter_core.cut.sheets.xdts import Xdts
from ...tooncrafter_core.errors import SheetError

AS_IT_IS = "as it is"
FORMATS = {AS_IT_IS: None, "XDTS": ".xdts", "Clip Studio CSV": ".csv"}
"""What a sheet is saved as, and the ending of its file."""

_CSV_BEGINS = ('"', ",")
"""Clip Studio quotes every cell, and the first one is empty."""


def parse_sheet(text: str) -> ExposureSheet:
    """The sheet that a text holds; ``SheetError`` for another text."""
    if not text.strip():
        raise SheetError(
            "The sheet is empty: choose a file in 'ToonCrafter Load Sheet', or take the wire off."
        )
    text = text.removeprefix("\ufeff")
    ending = ".csv" if text.startswith(_CSV_BEGINS) else ".xdts"
    return sheet_of(sheet_text(text.encode("utf-8", "surrogatepass"), f"sheet{ending}"))


def in_format(text: str, chosen: str, cel: str) -> tuple[bytes, str]:
    """A sheet as the bytes of a file, and the file's ending; ``SheetError`` for no sheet."""
    sheet = parse_sheet(text)
    own, ending = (".xdts" if isinstance(sheet, Xdts) else ".csv"), FORMATS[chosen]
    if ending is None or (ending == own and not cel.strip()):
        content = text.removeprefix("\ufeff").encode()
        # Clip Studio reads CSV as UTF-8 by its mark alone.
        return (codecs.BOM_UTF8 + content if own == ".csv" else content), own
    column = shown_column(sheet, cel.strip() or None)
    name = sheet.columns[column].name or LEVEL
    return new_sheet(name, names_shown(sheet, column), sheet.fps, ending), ending


def new_sheet(cel: str, shown: Sequence[str | None], fps: float, ending: str = ".xdts") -> bytes:
    """A sheet of one cel from what every frame shows."""
    return new_xdts(cel, shown, fps) if ending == ".xdts" else new_clip_studio(cel, shown)
