"""The drawings and the sheet of the example workflows, put where ComfyUI looks for them."""

import logging
from pathlib import Path

import folder_paths

from ...tooncrafter_core.errors import ToonCrafterError
from ...tooncrafter_core.files import read_text, write_bytes, write_text

logger = logging.getLogger(__name__)

DRAWINGS = Path(__file__).resolve().parents[2] / "docs" / "images"
ENDINGS = (".png", ".gif", ".xdts")
GIVEN = "tooncrafter_drawings.txt"
"""In ComfyUI's user folder: names of the drawings that it was given once. Who deletes one does not
get it again."""


def offer_drawings(source: Path = DRAWINGS) -> list[str]:
    """Copy the drawings that ComfyUI was never given to its input folder; gives their names.

    Files that are there stay as they are. A folder that cannot be written is said in the log: the
    nodes work without drawings.
    """
    names = sorted(p.name for p in source.glob("tooncrafter_*") if p.suffix in ENDINGS)
    target, note = Path(folder_paths.get_input_directory()), _note()
    try:
        given = read_text(note).splitlines() if note.is_file() else []
        new = [name for name in names if name not in given]
        copied = [name for name in new if not (target / name).exists()]
        for name in copied:
            write_bytes(target / name, (source / name).read_bytes())
        if new:
            write_text(note, "\n".join(sorted({*given, *names})) + "\n")
    except (OSError, ToonCrafterError) as error:
        logger.warning(
            "The drawings of ToonCrafter's example workflows could not be copied to %s (%s). They "
            "are in %s.", target, error, source,
        )  # fmt: skip
        return []
    if copied:
        logger.info(
            "ToonCrafter: %d drawings of the example workflows were copied to %s, once. You may "
            "delete them.", len(copied), target,
        )  # fmt: skip
    return copied


def _note() -> Path:
    return Path(folder_paths.get_user_directory()) / GIVEN
