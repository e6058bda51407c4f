"""ToonCrafter Sprite Sheet: pictures on one sheet, with a table of their places for games."""

import torch
from comfy_api.latest import io
from torch import Tensor

from ...tooncrafter_core.cut.results.sprites import with_nothing
from ...tooncrafter_core.errors import check_choice
from ...tooncrafter_core.files import write_together
from ...tooncrafter_core.pictures.levels import from_levels_to_unit
from ...tooncrafter_core.pictures.sprites.encode import ENDINGS, encode_sheet
from ...tooncrafter_core.pictures.sprites.lay_out import lay_out
from ...tooncrafter_core.pictures.sprites.tables import FORMS, table
from ...tooncrafter_core.pictures.sprites.timing import FASTEST, SLOWEST, Timing
from ...tooncrafter_core.pictures.sprites.values import (
    LARGEST_SIDE,
    MOST_COLUMNS,
    MOST_PADDING,
    Layout,
)
from ..bridge import folders
from ..checked import checked
from ..sockets import CUT_CATEGORY, advanced, schema
from .exposure import by_sheet
from .inputs import cel_input, names_input
from .sprite_pictures import ALPHA, file_names, one_by_one, with_mask

TABLE = ".json"


class ToonCrafterSpriteSheet(io.ComfyNode):
    """Lays pictures on a sprite sheet and saves it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Sprite Sheet."""
        return schema(
            node_id="ToonCrafterSpriteSheet",
            display_name="ToonCrafter Sprite Sheet",
            category=CUT_CATEGORY,
            search_aliases=["texture atlas", "spritesheet", "game", "aseprite", "texturepacker"],
            description="Lays pictures on one sheet for game engines and saves it into ComfyUI's "
            "output folder with a table of their places and times, as Aseprite or TexturePacker "
            "write it. A file that is there is never overwritten.",
            is_output_node=True,
            inputs=[
                io.Image.Input(
                    "images",
                    tooltip="The drawings in the order of the film, all of one size; a fourth "
                    "channel is their transparency. Equal drawings lie on the sheet once.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="sprites/sheet",
                    tooltip="Folder and name within ComfyUI's output folder, without an ending. "
                    "Where the name is taken, a number is added.",
                ),
                io.Float.Input(
                    "fps",
                    default=12.0,
                    min=SLOWEST,
                    max=FASTEST,
                    step=0.001,
                    tooltip="Frames a second. Without an exposure sheet each drawing is one frame.",
                ),
                io.Combo.Input(
                    "json",
                    options=list(FORMS),
                    default=FORMS[0],
                    tooltip="The table's form: aseprite has times and a tag, texturepacker the "
                    "film as a list of names; array is a list in order, hash a table by name. Take "
                    "what your engine reads.",
                ),
                io.Boolean.Input(
                    "trim",
                    default=False,
                    tooltip="Leaves out clear borders; the table says where each part was. Needs "
                    "an engine that reads the table.",
                ),
                io.Boolean.Input(
                    "loop",
                    default=True,
                    tooltip="Whether the table says that the film begins again when it ends.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="What is transparent in each picture, as Load Image gives it: 1 is "
                    "clear. It takes the place of a fourth channel. One mask counts for all.",
                ),
                io.String.Input(
                    "sheet",
                    default="",
                    optional=True,
                    force_input=True,
                    tooltip="An exposure sheet of 'ToonCrafter Cut', 'Exposure' or 'Load Sheet': "
                    "it says for how many frames each drawing is shown, and fps how fast.",
                ),
                names_input(),
                cel_input(),
                io.Int.Input(
                    "padding",
                    default=Layout.padding,
                    min=0,
                    max=MOST_PADDING,
                    optional=True,
                    tooltip="Clear pixels between drawings and around them: 1 or 2 keep the "
                    "neighbour's edge from showing where an engine scales.",
                    **advanced(io.Int.Input),
                ),
                io.Int.Input(
                    "columns",
                    default=Layout.columns,
                    min=0,
                    max=MOST_COLUMNS,
                    optional=True,
                    tooltip="Columns of a grid of equal cells, for engines that cut the sheet by "
                    "numbers. 0 packs drawings close together.",
                    **advanced(io.Int.Input),
                ),
                io.Boolean.Input(
                    "power_of_two",
                    default=False,
                    optional=True,
                    tooltip="Makes both sides of the sheet powers of two, which older engines and "
                    "compressed textures need.",
                    **advanced(io.Boolean.Input),
                ),
                io.Int.Input(
                    "max_size",
                    default=Layout.max_size,
                    min=1,
                    max=LARGEST_SIDE,
                    optional=True,
                    tooltip="The longest side that the sprite sheet may have, in pixels; a larger "
                    "one is refused. 4096 runs on every phone, 8192 on most.",
                    **advanced(io.Int.Input),
                ),
                io.Combo.Input(
                    "format",
                    options=list(ENDINGS),
                    default=ENDINGS[0],
                    optional=True,
                    tooltip="The file of the sheet; both are lossless, and .webp is smaller.",
                    **advanced(io.Combo.Input),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="The sheet without transparency."),
                io.Mask.Output(
                    display_name="MASK",
                    tooltip="What is transparent in the sheet: 1 is clear. 'Join Image with Alpha' "
                    "puts both together.",
                ),
                io.String.Output(
                    display_name="json",
                    tooltip="The table of places and times, as it was saved.",
                ),
                io.String.Output(
                    display_name="file",
                    tooltip="The sheet's file within the output folder; the table has the same "
                    "name and ends in .json.",
                ),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        images: Tensor,
        filename_prefix: str,
        fps: float,
        json: str,
        trim: bool,
        loop: bool,
        mask: Tensor | None = None,
        sheet: str = "",
        names: str = "",
        cel: str = "",
        padding: int = Layout.padding,
        columns: int = Layout.columns,
        power_of_two: bool = False,
        max_size: int = Layout.max_size,
        format: str = ENDINGS[0],
    ) -> io.NodeOutput:
        """Lay the pictures out, and save the sheet with its table."""
        check_choice("format", format, ENDINGS)
        check_choice("json", json, FORMS)
        layout = Layout(
            trim=trim, padding=padding, columns=columns, power_of_two=power_of_two,
            max_size=max_size,
        )  # fmt: skip
        pictures = with_mask(images, mask)
        count = len(pictures)
        shown: list[int | None] = [*range(count)]
        if sheet.strip():
            shown = by_sheet(count, sheet, names, cel.strip() or None)
        first = pictures[0].numpy()
        called, frames, clear = with_nothing(file_names(count, names), shown, first)
        laid = lay_out(zip(called, one_by_one(pictures, clear), strict=True), layout)
        content = encode_sheet(laid.pixels, format)
        path = folders.new_output(filename_prefix, format, TABLE)
        text = table(laid, Timing(shown=frames, fps=fps, is_loop=loop), json, path.name)
        write_together([(path, content), (path.with_suffix(TABLE), text.encode())])
        name = folders.output_name(path)
        pixels = torch.from_numpy(from_levels_to_unit(laid.pixels))[None]
        folder, _, file = name.rpartition("/")
        preview = {"filename": file, "subfolder": folder, "type": "output"}
        return io.NodeOutput(
            pixels[..., :ALPHA], 1 - pixels[..., ALPHA], text, name, ui={"images": [preview]}
        )
