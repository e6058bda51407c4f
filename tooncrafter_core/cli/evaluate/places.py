"""Where the results of ``evaluate`` go."""

import glob
from collections.abc import Sequence
from pathlib import Path

from ...errors import OutputError
from ...files import Place

RESULTS = ("frames", "measured", "results.json", "tables.md", "report.html")
RESULTS_MARKS = ("results.json", "frames/true_frames")
"""What a comparison writes first and last."""


def cut_place(option: str, folder: str, stems: Sequence[str]) -> Place:
    """The folder of clips of films of these names."""
    names = tuple(f"{glob.escape(stem)}_" + "[0-9]" * 6 + "*" for stem in stems)
    return Place(option=option, at=folder, kind="folder", names=names)


def results_place(folder: str) -> Place:
    """The folder of a comparison."""
    return Place(
        option="-o",
        at=folder,
        kind="folder",
        names=(*RESULTS, "table*.csv", "psnr_by_frame.csv", "sheet_*.png"),
        marks=RESULTS_MARKS,
        can_overwrite=False,
    )


def output_folder(text: str) -> Path:
    """Make the folder; ``OutputError`` when that is not possible."""
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{folder}' cannot be made: {error}") from error
    return folder
