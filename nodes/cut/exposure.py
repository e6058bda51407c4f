"""ToonCrafter Exposure: drawings to the frames of a film, by timing or by an exposure sheet."""

from pathlib import Path

import torch
from comfy_api.latest import io
from torch import Tensor

from ...tooncrafter_core.cut.exposure import chosen_pictures, exposures, start_frames
from ...tooncrafter_core.cut.names import LEVEL, match_files
from ...tooncrafter_core.cut.plain import parse_frames
from ...tooncrafter_core.cut.sheets.order import names_shown, shown_column
from ...tooncrafter_core.cut.spacing import EVEN
from ...tooncrafter_core.cut.values import MAX_LENGTH
from ...tooncrafter_core.errors import CutError
from ..checked import checked
from ..sockets import CUT_CATEGORY, schema
from .inputs import cel_input, fps_input, length_input, names_input, on_input, sheet_input
from .sheet_text import new_sheet, parse_sheet


class ToonCrafterExposure(io.ComfyNode):
    """Exposes drawings: says for which frames each is shown."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Exposure."""
        return schema(
            node_id="ToonCrafterExposure",
            display_name="ToonCrafter Exposure",
            category=CUT_CATEGORY,
            search_aliases=["timing", "on twos", "hold", "repeat image", "x-sheet", "frame rate"],
            description="Shows each picture of a batch for some frames: on ones, twos or threes, "
            "with holds, by spacing, or as an exposure sheet (X-sheet, XDTS) says.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings in the order of the film."),
                on_input(),
                io.String.Input(
                    "frames",
                    default="",
                    tooltip="Where each drawing is first shown, such as: 1, 5, 13. The first frame "
                    "is 1; a drawing stays until the next. Empty gives every drawing 'on' frames.",
                ),
                io.Int.Input(
                    "drawings",
                    default=0,
                    min=0,
                    max=MAX_LENGTH,
                    tooltip="How many of the pictures are shown, the first and the last included; "
                    "'spacing' chooses those between. 0 shows all.",
                ),
                io.String.Input(
                    "spacing",
                    default=EVEN,
                    tooltip="Which pictures are taken when there are fewer drawings: even, slow "
                    "in, slow out, slow in and out, or a chart with a place for each, such as: "
                    "1/2 1/4 1/8.",
                ),
                length_input(),
                sheet_input(),
                names_input(),
                cel_input(),
                fps_input(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="frames",
                    tooltip="Every frame of the film: to 'Create Video' or 'Save Image'.",
                ),
                io.String.Output(
                    display_name="sheet",
                    tooltip="The exposure sheet of these frames: to 'ToonCrafter Save Sheet'.",
                ),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        images: Tensor,
        on: int,
        frames: str,
        drawings: int,
        spacing: str,
        length: int = 0,
        sheet: str = "",
        names: str = "",
        cel: str = "",
        fps: float = 24.0,
    ) -> io.NodeOutput:
        """Repeat pictures; where nothing is shown it is white, with alpha clear."""
        if sheet.strip():
            shown = by_sheet(len(images), sheet, names, cel.strip() or None)
            return io.NodeOutput(expose(images, shown), sheet)
        chosen = chosen_pictures(len(images), drawings, spacing)
        starts = start_frames(len(chosen), on, parse_frames(frames))
        shown = exposures(starts, on, length or None)
        called = [None if number is None else str(number + 1) for number in shown]
        written = new_sheet(LEVEL, called, fps).decode()
        return io.NodeOutput(expose(images[chosen], shown), written)


def expose(images: Tensor, shown: list[int | None]) -> Tensor:
    """The picture of every frame, t h w c; white where nothing is shown, clear with alpha."""
    has_alpha = images.shape[-1] in (2, 4)
    nothing = torch.zeros_like(images[:1]) if has_alpha else torch.ones_like(images[:1])
    return torch.cat([images, nothing])[
        [len(images) if number is None else number for number in shown]
    ]


def by_sheet(count: int, text: str, names: str, cel: str | None) -> list[int | None]:
    """Which picture each frame shows, by a sheet."""
    sheet = parse_sheet(text)
    column = shown_column(sheet, cel)
    shown = names_shown(sheet, column)
    used = [name for name in dict.fromkeys(shown) if name is not None]
    level = sheet.columns[column].name or LEVEL
    numbers = numbers_of(used, count, names, level)
    return [None if name is None else numbers[name] for name in shown]


def numbers_of(used: list[str], count: int, names: str, level: str) -> dict[str, int]:
    """Which picture of a batch each name of a sheet is, from 0.

    By the pictures' names, one a line; without them pictures are in the order in which the sheet
    first shows them. ``CutError`` where they do not belong together.
    """
    given = [line.strip() for line in names.splitlines() if line.strip()]
    if not given:
        if len(used) != count:
            listed = ", ".join(f"'{name}'" for name in used)
            raise CutError(
                f"The sheet shows {len(used)} drawings ({listed}) and the batch has {count} "
                "pictures: give one for each, in the order of the film, or connect their names."
            )
        return {name: number for number, name in enumerate(used)}
    if len(given) != count:
        raise CutError(f"There are {len(given)} names for {count} pictures: give one for each.")
    files = [Path(f"{name}.png") for name in given]
    found = match_files(used, files, level)
    return {name: files.index(path) for name, path in found.items()}
