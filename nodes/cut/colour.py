"""ToonCrafter Colour Lock: the colours of a clip are those of its keys, whatever has drawn it."""

import torch
from comfy_api.latest import io
from torch import Tensor

from ...tooncrafter_core.errors import KeyframeError, check_choice
from ...tooncrafter_core.pictures.colour.lock import lock_colours
from ...tooncrafter_core.pictures.fitting import FitMode, fit
from ...tooncrafter_core.pictures.keyframes import Keyframes, check_keyframes
from ..bridge.images import to_image, to_pixels
from ..checked import checked
from ..sockets import CUT_CATEGORY, FIT_OPTIONS, fit_input, schema
from .options.key_places import ENDS, read_places

COLOURS = 3
"""Channels that are locked; a fourth, alpha, is handed on."""


class ToonCrafterColourLock(io.ComfyNode):
    """Takes drift of colour and flashes out of a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Colour Lock."""
        return schema(
            node_id="ToonCrafterColourLock",
            display_name="ToonCrafter Colour Lock",
            category=CUT_CATEGORY,
            search_aliases=["color match", "colour match", "deflicker", "color drift", "flash"],
            description="Brings the colours of a clip back to those of its keys: drift of "
            "brightness, contrast and hue, and single frames that flash. Works for clips of any "
            "model. What has not drifted is not changed.",
            inputs=[
                io.Image.Input(
                    "frames",
                    tooltip="The clip: of 'ToonCrafter Decode', or of any other model whose first "
                    "and last frames are known.",
                ),
                io.Image.Input(
                    "keys",
                    tooltip="The drawings that the clip must agree with, as one batch: two or more "
                    "joined by 'Batch Images'.",
                ),
                io.String.Input(
                    "places",
                    default=ENDS,
                    tooltip="The frame of each key, such as: 1, 8, -1. The first frame is 1, the "
                    "last is -1.",
                ),
                io.Boolean.Input(
                    "lock",
                    default=True,
                    tooltip="Off hands the frames on as they are, and still reports their drift.",
                ),
                fit_input(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="frames",
                    tooltip="The clip with locked colours. The keys stand in their places, as they "
                    "came.",
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="Differences to the keys' colours (CIEDE2000; 1 can just be seen) and "
                    "flicker, before and after: to 'Preview as Text'.",
                ),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls, frames: Tensor, keys: Tensor, places: str, lock: bool, fit: FitMode = "crop"
    ) -> io.NodeOutput:
        """Measure, correct, and say what was done."""
        check_choice("fit", fit, FIT_OPTIONS)
        if frames.ndim != 4 or frames.shape[-1] not in (COLOURS, COLOURS + 1):
            raise KeyframeError(
                f"frames has the shape {tuple(frames.shape)}: colours are locked in pictures of "
                "three channels, or four with alpha. Connect an IMAGE in colour."
            )
        indices = read_places(places, len(keys), least=2, what="Colours are locked to")
        if frames.shape[-1] > COLOURS:
            # Straight alpha on both sides: what is clear is compared by its colour, not on white.
            keys = keys[..., :COLOURS]
        pictures = tuple(fitted(key[None], frames, fit) for key in keys)
        found = lock_colours(to_pixels(frames[..., :COLOURS]), Keyframes(pictures, indices))
        report = found.report.as_text()
        if not lock:
            return io.NodeOutput(frames, report)
        locked = to_image(found.frames.movedim(0, 1)[None])
        # What was not touched stays to the bit: ranges there and back can round.
        same = (locked - frames[..., :COLOURS]).abs().amax(dim=(1, 2, 3)) < 1e-6
        locked[same] = frames[same, ..., :COLOURS].to(locked)
        for index, key in zip(indices, keys, strict=True):
            if key.shape == locked.shape[1:]:
                locked[index] = key.to(locked)
        return io.NodeOutput(torch.cat([locked, frames[..., COLOURS:].to(locked)], dim=-1), report)


def fitted(key: Tensor, frames: Tensor, mode: FitMode) -> Tensor:
    """A key 1 h w c at the size of the frames, as pixels."""
    pixels, _ = check_keyframes(to_pixels(key), to_pixels(key))
    picture, placement = fit(pixels, frames.shape[2], frames.shape[1], mode, 1)
    return placement.restore(picture)
