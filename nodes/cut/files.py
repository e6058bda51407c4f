"""Keys and exposure sheets from ComfyUI's input folder, and sheets to its output folder."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from comfy_api.latest import io
from torch import Tensor

from ...tooncrafter_core.cut.sheets.text import read_sheet_text
from ...tooncrafter_core.errors import CutError, KeyframeError, ToonCrafterError, check_choice
from ...tooncrafter_core.files import write_bytes
from ...tooncrafter_core.pictures.films import all_pictures, picture_files
from ...tooncrafter_core.pictures.stills import read_unit
from ..bridge import folders
from ..checked import checked
from ..sockets import CUT_CATEGORY, schema
from .inputs import cel_input
from .sheet_text import AS_IT_IS, FORMATS, in_format, named_files

ALPHA = 3
"""The fourth channel."""


class LoadToonCrafterKeys(io.ComfyNode):
    """Reads a folder of drawings."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Load Keys."""
        return schema(
            node_id="ToonCrafterLoadKeys",
            display_name="ToonCrafter Load Keys",
            category=CUT_CATEGORY,
            search_aliases=["load images", "folder", "directory", "batch", "keyframes"],
            description="Loads every drawing of a folder as one batch, in the order in which "
            "people count: 2 before 10. For keys of a cut, or any pictures of one size.",
            inputs=[
                io.Combo.Input(
                    "folder",
                    options=folders.list_picture_folders(),
                    tooltip="A folder within ComfyUI's input folder; '.' is the input folder. All "
                    "pictures in it are loaded.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="IMAGE",
                    tooltip="The drawings in order: to 'ToonCrafter Cut'. Four channels where one "
                    "of them is transparent.",
                ),
                io.Mask.Output(
                    display_name="MASK",
                    tooltip="What is transparent in each drawing, as Load Image gives it: 1 is "
                    "clear.",
                ),
                io.String.Output(
                    display_name="names",
                    tooltip="The drawings' names, one a line: to 'ToonCrafter Cut' with a sheet.",
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, folder: str) -> list[str]:
        """Let ComfyUI load again when a file was added, replaced or taken away."""
        try:
            return folders.fingerprint(picture_files(folders.find_input(folder, "folder")))
        except (ToonCrafterError, OSError):
            return ["absent"]

    @classmethod
    @checked
    def execute(cls, folder: str) -> io.NodeOutput:
        """Read every picture."""
        files = all_pictures(folders.find_input(folder, "folder"))
        if not files:
            raise KeyframeError(
                f"The folder '{folder}' of ComfyUI's input folder has no pictures: put the keys "
                "into it, one file each."
            )
        batch, mask = _batch(files)
        names = [path.stem for path in files]
        return io.NodeOutput(batch, mask, "\n".join(names))


def _batch(files: list[Path]) -> tuple[Tensor, Tensor]:
    """Pictures of one size as IMAGE b h w c and MASK b h w; ``CutError`` for several sizes."""
    pictures: list[np.ndarray] = []
    for path in files:
        pictures.append(read_unit(path))
        first, last = pictures[0].shape[:2], pictures[-1].shape[:2]
        if first != last:
            raise CutError(
                f"'{path.name}' is {last[1]}x{last[0]} and '{files[0].name}' {first[1]}x"
                f"{first[0]}: drawings of one folder must have one size. Save all at the same size."
            )
    has_alpha = any(picture.shape[2] > ALPHA for picture in pictures)
    whole = np.stack([_with_alpha(picture) if has_alpha else picture for picture in pictures])
    batch = torch.from_numpy(whole)
    if not has_alpha:
        return batch, torch.zeros(batch.shape[:3])
    return batch, 1.0 - batch[..., ALPHA]


def _with_alpha(picture: np.ndarray) -> np.ndarray:
    if picture.shape[2] > ALPHA:
        return picture
    return np.concatenate([picture, np.ones_like(picture[..., :1])], axis=2)


class LoadToonCrafterSheet(io.ComfyNode):
    """Reads an exposure sheet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Load Sheet."""
        return schema(
            node_id="ToonCrafterLoadSheet",
            display_name="ToonCrafter Load Sheet",
            category=CUT_CATEGORY,
            search_aliases=["xdts", "x-sheet", "exposure sheet", "timesheet", "clip studio csv"],
            description="Loads an exposure sheet (X-sheet, XDTS of Clip Studio Paint, OpenToonz "
            "and TVPaint, or Clip Studio's CSV) as text.",
            inputs=[
                io.Combo.Input(
                    "sheet",
                    options=folders.list_sheets(),
                    tooltip="An .xdts or .csv file of ComfyUI's input folder. none gives an empty "
                    "text: then the cut is timed without a sheet.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="sheet",
                    tooltip="The sheet as text: to 'ToonCrafter Cut' or 'ToonCrafter Exposure'.",
                )
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, sheet: str) -> list[str]:
        """Let ComfyUI load again when the file was replaced."""
        try:
            return folders.fingerprint([folders.find_input(sheet, "file")])
        except (ToonCrafterError, OSError):
            return ["absent"]

    @classmethod
    @checked
    def execute(cls, sheet: str) -> io.NodeOutput:
        """Read the file's text."""
        if sheet == folders.NONE:
            return io.NodeOutput("")
        return io.NodeOutput(read_sheet_text(folders.find_input(sheet, "file")).text)


class SaveToonCrafterSheet(io.ComfyNode):
    """Writes an exposure sheet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Save Sheet."""
        return schema(
            node_id="ToonCrafterSaveSheet",
            display_name="ToonCrafter Save Sheet",
            category=CUT_CATEGORY,
            search_aliases=["xdts", "x-sheet", "exposure sheet", "timesheet", "clip studio csv"],
            description="Saves an exposure sheet for Clip Studio Paint, OpenToonz or TVPaint into "
            "ComfyUI's output folder, and its drawings. A file that is there is never overwritten.",
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "sheet",
                    force_input=True,
                    tooltip="A sheet as text: of 'ToonCrafter Cut' or 'ToonCrafter Exposure'.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="sheets/cut",
                    tooltip="Folder and name within ComfyUI's output folder, without an ending. "
                    "Where the name is taken, a number is added.",
                ),
                io.Combo.Input(
                    "format",
                    options=list(FORMATS),
                    default=AS_IT_IS,
                    tooltip="as it is keeps every column of the sheet. The others write one cel "
                    "in that format.",
                ),
                cel_input(),
                io.Image.Input(
                    "drawings",
                    optional=True,
                    tooltip="drawings of 'ToonCrafter Cut': saved as PNG into a folder next to the "
                    "sheet, under the names of the sheet: A_0001.png.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="file",
                    tooltip="The file that was written, within the output folder.",
                )
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        sheet: str,
        filename_prefix: str,
        format: Any,
        cel: str = "",
        drawings: Tensor | None = None,
    ) -> io.NodeOutput:
        """Write the text, converted if that is asked for, and drawings under its names."""
        check_choice("format", format, FORMATS)
        content, ending = in_format(sheet, format, cel)
        files = {} if drawings is None else named_files(drawings, sheet, cel)
        path = folders.new_output(filename_prefix, ending, *([""] if files else []))
        for name, picture in files.items():
            write_bytes(path.with_suffix("") / name, picture)
        write_bytes(path, content)
        name = folders.output_name(path)
        return io.NodeOutput(name, ui={"text": [name]})
