"""Inputs that several nodes share, and the categories they appear in."""

import inspect
from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..tooncrafter_core.config.presets import TOONCRAFTER_512

CATEGORY = "ToonCrafter"
SKETCH_CATEGORY = "ToonCrafter/sketch"
SAMPLING_CATEGORY = "ToonCrafter/sampling"
CUT_CATEGORY = "ToonCrafter/cut"
CUT_PARTS_CATEGORY = "ToonCrafter/cut/internal"

FIT_OPTIONS = ["crop", "pad", "stretch", "official"]

Conditioning = list[list[Any]]
"""ComfyUI's CONDITIONING: pairs of text tokens b l c and the values they carry."""

MAX_SIDE = 4096
CELL = TOONCRAFTER_512.autoencoder.downsampling
"""Step in pixels of the inputs for a size."""
MAX_FRAMES = 256

KNOWS_ALIASES = "search_aliases" in io.Schema.__dataclass_fields__
PLAIN_NAMES: dict[str, str] = {}
"""By id, the names of nodes that have a longer one in older versions of ComfyUI; see `schema`."""


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
    enable_expand: bool = False,
    is_dev_only: bool = False,
) -> io.Schema:
    """A node's schema.

    ``search_aliases`` are left out where this version of ComfyUI does not know them: they only
    help to find a node. There the name shows ``found_as``, as names alone are searched, about 30
    letters from their beginning.
    ``is_dev_only`` hides one that nobody should look for, where that is known.
    """
    if found_as:
        PLAIN_NAMES[node_id] = display_name
    if found_as and not KNOWS_ALIASES:
        display_name += f" ({found_as})"
    newer: dict[str, Any] = {"search_aliases": list(search_aliases)} if KNOWS_ALIASES else {}
    if is_dev_only and "is_dev_only" in io.Schema.__dataclass_fields__:
        newer["is_dev_only"] = True
    return io.Schema(
        node_id=node_id,
        display_name=display_name,
        category=category,
        description=description,
        inputs=inputs,
        outputs=outputs,
        hidden=list(hidden),
        is_output_node=is_output_node,
        enable_expand=enable_expand,
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


def size() -> list[io.Int.Input]:
    """Width and height of the result."""
    return [
        io.Int.Input(
            "width",
            default=512,
            min=16,
            max=MAX_SIDE,
            step=CELL,
            tooltip="Width of the result in pixels. The model draws multiples of 64 and the decode "
            "node cuts back to this. The published model was trained at 512x320, the mini model at "
            "256x160.",
        ),
        io.Int.Input(
            "height",
            default=320,
            min=16,
            max=MAX_SIDE,
            step=CELL,
            tooltip="Height of the result in pixels. Memory and time grow with width times height.",
        ),
    ]


def motion_fps() -> io.Int.Input:
    """The frame rate that the model is conditioned on."""
    return io.Int.Input(
        "motion_fps",
        default=10,
        min=1,
        max=60,
        tooltip="The frame rate that the model assumes. Lower means larger motion between the "
        "frames, higher means smaller. 5 to 30 were trained. It is not the playback speed: "
        "that is set where the video is saved.",
    )


def fit_input() -> io.Combo.Input:
    """How drawings of another shape are brought to the size of the result."""
    return io.Combo.Input(
        "fit",
        options=FIT_OPTIONS,
        default="crop",
        tooltip="How a picture of another shape is brought to width x height: crop fills it and "
        "loses the edges, pad shows everything with bars, stretch changes the proportions, "
        "official is the published program's way (short side to the shorter of both, then cut or "
        "grey bars).",
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


def cfg() -> io.Float.Input:
    """How strongly guidance follows the prompt."""
    return io.Float.Input(
        "cfg",
        default=7.5,
        min=1.0,
        max=30.0,
        step=0.1,
        tooltip="How strongly to follow the prompt and the first keyframe. 1 switches guidance off "
        "and halves the time.",
    )


PUBLISHED = "published"
PRESET_OPTIONS = {
    PUBLISHED: PUBLISHED,
    "fast, 25 steps (approximate)": "fast",
    "draft, 12 steps (approximate)": "draft",
}
"""What nodes call the core's presets."""


def preset() -> io.Combo.Input:
    """Solver and steps by name."""
    return io.Combo.Input(
        "preset",
        options=list(PRESET_OPTIONS),
        default=PUBLISHED,
        # Workflows from before it was there go on.
        optional=True,
        tooltip="published takes steps and eta as they are set. The others are approximate: "
        "another solver (dpmpp_2m) with its own number of steps and without fresh noise, in half "
        "or a quarter of the time. Their clip is another one than the published sampler's.",
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
