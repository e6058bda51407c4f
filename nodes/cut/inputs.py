"""Inputs that several nodes for cuts share."""

from typing import Any

from comfy_api.latest import io

from ...tooncrafter_core.cut.spacing import EVEN
from ...tooncrafter_core.cut.values import MAX_LENGTH
from ..sockets import advanced
from .options.clear_keys import KEEP, WHITE


def cel_input() -> io.String.Input:
    """Which column of an exposure sheet is meant."""
    return io.String.Input(
        "cel",
        default="",
        optional=True,
        tooltip="The sheet's column (cel): its name, or #2 for the second. Empty for a sheet that "
        "leaves no choice.",
        **advanced(io.String.Input),
    )


def sheet_input() -> io.String.Input:
    """An exposure sheet in place of the timing by widgets."""
    return io.String.Input(
        "sheet",
        default="",
        optional=True,
        force_input=True,
        tooltip="An exposure sheet of 'ToonCrafter Load Sheet'. It says when drawings are shown; "
        "frames, on and length of this node then do nothing.",
    )


def names_input() -> io.String.Input:
    """What the pictures of a batch are called in a sheet."""
    return io.String.Input(
        "names",
        default="",
        optional=True,
        force_input=True,
        tooltip="The pictures' names, one a line, of 'ToonCrafter Load Keys': the sheet calls them "
        "so. Without names they are in the order in which the sheet first shows them.",
    )


def on_input() -> io.Int.Input:
    """For how many frames a drawing is shown."""
    return io.Int.Input(
        "on",
        default=2,
        min=1,
        max=MAX_LENGTH,
        tooltip="Frames that each drawing stays: 1 is on ones, 2 on twos, 3 on threes.",
    )


def length_input() -> io.Int.Input:
    """How long the film is."""
    return io.Int.Input(
        "length",
        default=0,
        min=0,
        max=MAX_LENGTH,
        optional=True,
        tooltip="Frames of the film; the last drawing is held to its end. 0 shows it for 'on' "
        "frames.",
    )


def fps_input() -> io.Float.Input:
    """The frame rate that a new sheet states."""
    return io.Float.Input(
        "fps",
        default=24.0,
        min=0.1,
        max=1000.0,
        step=0.001,
        optional=True,
        tooltip="Frames a second that the sheet states. The speed of a video is set where it is "
        "saved.",
        **advanced(io.Float.Input),
    )


def timing() -> list[Any]:
    """When drawings of a cut are shown, and where in-betweens lie."""
    return [
        io.String.Input(
            "frames",
            default="1, 13, 25",
            tooltip="Where each key is first shown, such as: 1, 13, 25. A cycle has one frame "
            "more, where the first key would be shown again.",
        ),
        on_input(),
        io.String.Input(
            "spacing",
            default=EVEN,
            multiline=True,
            tooltip="Where in-betweens lie between their keys: even, slow in, slow out, slow in "
            "and out, or a chart with a place for each, such as: 1/2 1/4 1/8 - one for all "
            "segments, or one a line.",
        ),
        io.Boolean.Input(
            "cycle",
            default=False,
            tooltip="The last key leads back to the first, and the film can be looped.",
        ),
    ]


def words() -> list[Any]:
    """What is seen in a cut."""
    return [
        io.String.Input(
            "prompts",
            default="",
            multiline=True,
            tooltip="What is seen and what happens: one line for all segments, or one line for "
            "each.",
        ),
        io.String.Input(
            "negative",
            default="",
            multiline=True,
            tooltip="The prompt of what to keep away from; an empty one is what the model was "
            "published with.",
        ),
    ]


def options() -> list[Any]:
    """What a cut without a sheet does not need."""
    return [
        sheet_input(),
        names_input(),
        cel_input(),
        io.String.Input(
            "seeds",
            default="",
            multiline=True,
            optional=True,
            tooltip="Seeds of single segments, one a line, in place of seed: change one and that "
            "segment alone is drawn again.",
            **advanced(io.String.Input),
        ),
        length_input(),
        fps_input(),
        io.Boolean.Input(
            "draw_holds",
            default=False,
            optional=True,
            tooltip="Draws between equal keys, too. Off, they are a hold and nothing is drawn.",
            **advanced(io.Boolean.Input),
        ),
        *sketches(),
        *finish(),
    ]


def sketches() -> list[Any]:
    """Drawings that single moments follow."""
    return [
        io.Image.Input(
            "sketches",
            optional=True,
            tooltip="One sketch or a batch, each for one moment: lines of any colour on any "
            "background. Needs control_net.",
        ),
        io.ControlNet.Input(
            "control_net", optional=True, tooltip="Of 'Load ToonCrafter Sketch Encoder'."
        ),
        io.String.Input(
            "sketch_places",
            default="",
            optional=True,
            tooltip="Which moment each sketch is for, in the order of the batch, such as: 2:8 - "
            "moment 8 of 16 in the second segment - or: 1:8, 2:4. Only these segments are drawn "
            "again.",
        ),
    ]


def finish() -> list[Any]:
    """What is done to drawings after they were drawn; nothing is drawn again for it."""
    return [
        io.Boolean.Input(
            "colour_lock",
            default=False,
            optional=True,
            tooltip="Brings the colours of in-betweens back to those of their keys. Nothing is "
            "drawn again for it.",
        ),
        io.Combo.Input(
            "alpha",
            options=[WHITE, KEEP],
            default=WHITE,
            optional=True,
            tooltip="What becomes of transparent keys: white puts white behind them, keep gives "
            "frames and drawings with alpha, four channels: to 'Save Image'.",
        ),
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="What is transparent in each key, as Load Image gives it: 1 is clear. Only for "
            "keys of three channels.",
        ),
        io.String.Input(
            "smooth",
            default="",
            optional=True,
            tooltip="Lets motion go through keys without a break: all, or names of keys such as: "
            "2, 4. The in-betweens around are bent by a few pixels. Nothing is drawn again for it.",
            **advanced(io.String.Input),
        ),
    ]
