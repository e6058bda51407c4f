"""Exposure sheets as text between nodes, and their drawings as files."""

import codecs
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ...tooncrafter_core.cut.names import LEVEL, file_names
from ...tooncrafter_core.cut.sheets.columns import ExposureSheet
from ...tooncrafter_core.cut.sheets.files import sheet_of
from ...tooncrafter_core.cut.sheets.order import names_shown, shown_column
from ...tooncrafter_core.cut.sheets.text import sheet_text
from ...tooncrafter_core.cut.sheets.write import new_clip_studio, new_xdts
from ...tooncrafter_core.cut.sheets.xdts import Xdts
from ...tooncrafter_core.errors import CutError, SheetError
from ...tooncrafter_core.pictures.formats import encode_png
from ...tooncrafter_core.pictures.levels import to_levels
from ..bridge.images import to_pixels

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


def named_files(drawings: Tensor, text: str, cel: str) -> dict[str, bytes]:
    """Pictures in the order in which a sheet first shows them, as PNG files by their names.

    ``CutError`` where there are more or fewer than the sheet shows.
    """
    sheet = parse_sheet(text)
    column = shown_column(sheet, cel.strip() or None)
    names = [name for name in dict.fromkeys(names_shown(sheet, column)) if name is not None]
    level = sheet.columns[column].name or LEVEL
    if len(names) != len(drawings):
        listed = ", ".join(f"'{name}'" for name in names)
        raise CutError(
            f"Cel '{level}' of the sheet shows {len(names)} drawings ({listed}) and there are "
            f"{len(drawings)} pictures: connect drawings and sheet of the same 'ToonCrafter Cut'."
        )
    levels = to_levels(to_pixels(drawings)).movedim(1, -1).cpu().numpy()
    called = file_names(names, level)
    return {
        called[name]: encode_png(np.ascontiguousarray(picture))
        for name, picture in zip(names, levels, strict=True)
    }
