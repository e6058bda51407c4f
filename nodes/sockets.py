"""Inputs that several nodes share, and the categories they appear in."""

import inspect
from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..tooncrafter_core.config.presets import TOONCRAFTER_512
from ..tooncrafter_core.cut.values import MAX_LENGTH

CATEGORY = "ToonCrafter"
SKETCH_CATEGORY = "ToonCrafter/sketch"
SAMPLING_CATEGORY = "ToonCrafter/sampling"
CUT_CATEGORY = "ToonCrafter/cut"

FIT_OPTIONS = ["crop", "pad", "stretch", "official"]

Conditioning = list[list[Any]]
"""ComfyUI's CONDITIONING: pairs of text tokens b l c and the values they carry."""

MAX_SIDE = 4096
CELL = TOONCRAFTER_512.autoencoder.downsampling
"""Step in pixels of the inputs for a size."""
MAX_FRAMES = 256

KNOWS_ALIASES = "search_aliases" in io.Schema.__dataclass_fields__


def schema(
    *,
    node_id: str,
    display_name: str,
    category: str,
    description: str,
    inputs: list[Any],
    outputs: list[Any],
    hidden: Sequence[io.Hidden] = (),
    search_aliases: Sequence[str] = (),
    found_as: str = "",
    is_output_node: bool = False,
) -> io.Schema:
    """A node's schema.

    ``search_aliases`` are left out where this version of ComfyUI does not know them: they only
    help to find a node. There the name shows ``found_as``, as names alone are searched, about 30
    letters from their beginning.
    """
    if found_as and not KNOWS_ALIASES:
        display_name += f" ({found_as})"
    newer: dict[str, Any] = {"search_aliases": list(search_aliases)} if KNOWS_ALIASES else {}
    return io.Schema(
        node_id=node_id,
        display_name=display_name,
        category=category,
        description=description,
        inputs=inputs,
        outputs=outputs,
        hidden=list(hidden),
        is_output_node=is_output_node,
        **newer,
    )


def advanced(kind: Any) -> dict[str, Any]:
    """The options that hide an input of this kind until 'advanced inputs' are shown.

    Older versions of ComfyUI do not know it and show the input.
    """
    is_known = "advanced" in inspect.signature(kind).parameters
    return {"advanced": True} if is_known else {}


def first_image() -> io.Image.Input:
    """The keyframe a clip begins with."""
    return io.Image.Input(
        "first_image",
        tooltip="The drawing the clip begins with: one picture. The model also takes the look and "
        "content of the clip from it.",
    )


def last_image() -> io.Image.Input:
    """The keyframe a clip ends with."""
    return io.Image.Input(
        "last_image",
        tooltip="The drawing the clip ends with: one picture. It may have another size; it is "
        "fitted separately.",
    )


def seed(
    tooltip: str,
    changes_after_run: bool = True,
    is_advanced: bool = False,
    label: str | None = None,
) -> io.Int.Input:
    """A seed, with or without ComfyUI's control for changing it after each run."""
    named: dict[str, Any] = {"display_name": label} if label else {}
    return io.Int.Input(
        "seed",
        default=123,
        min=0,
        max=0xFFFFFFFFFFFFFFFF,
        control_after_generate=changes_after_run,
        tooltip=tooltip,
        **(advanced(io.Int.Input) if is_advanced else {}),
        **named,
    )


def steps(default: int = 50) -> io.Int.Input:
    """The number of denoising steps."""
    return io.Int.Input(
        "steps",
        default=default,
        min=1,
        max=1000,
        tooltip="Denoising steps. The time is proportional to them; 50 is what the model was "
        "published with, 20 to 30 give a good draft. The mini model is made for very few.",
    )


def eta(is_advanced: bool = False) -> io.Float.Input:
    """How much fresh noise DDIM adds."""
    return io.Float.Input(
        "eta",
        default=1.0,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip="Fresh noise in every step. 1 is what the model was published with; 0 makes the "
        "result depend on the first noise alone, smoother and with less motion.",
        **(advanced(io.Float.Input) if is_advanced else {}),
    )


def guidance_rescale(is_advanced: bool = False) -> io.Float.Input:
    """How far guidance's contrast is taken back."""
    return io.Float.Input(
        "guidance_rescale",
        default=0.7,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip="Takes back the contrast that a high cfg adds. 0 leaves it, which oversaturates; "
        "0.7 is what the model was published with.",
        **(advanced(io.Float.Input) if is_advanced else {}),
    )


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
